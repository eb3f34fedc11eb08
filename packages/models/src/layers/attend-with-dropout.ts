/** Attention of a model whose configuration drops attention probabilities while it trains. */
import {
  type AttendOptions,
  add,
  attend,
  type Context,
  constant,
  dropout,
  iota,
  lessEqual,
  matmul,
  mul,
  reshape,
  select,
  softmax,
  type Tensor,
} from '@espalier/core'

const HIDDEN = -1e30 // two of them still are finite in float32

/** Settings: those of `attend`, the rate, and the module path that names the random site. */
export interface DropoutAttendOptions extends AttendOptions {
  readonly dropout: number
  readonly site: string
}

/** As core's `attend`; in a pass with a seed, a share `dropout` of the probabilities is zeroed, which needs all of them at once. */
export function attendWithDropout(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  context: Context,
  options: DropoutAttendOptions,
): Tensor {
  const { dropout: rate, site, scale } = options
  const { seed, mask, cache } = context
  if (rate === 0 || seed === undefined || cache !== undefined) return attend(q, k, v, context, options)
  const [batch, heads, tokens, size] = q.shape as [number, number, number, number]
  const groups = k.shape[1] as number
  const shape = [batch, groups, heads / groups, tokens, tokens]
  const merged = [batch, groups, (heads / groups) * tokens, tokens]
  const grouped = reshape(q, [batch, groups, (heads / groups) * tokens, size])
  let scores = reshape(mul(matmul(grouped, k, { transposeB: true }), scale), shape)
  if (mask.causal) {
    const seen = lessEqual(iota([tokens, tokens], 1), iota([tokens, tokens], 0))
    scores = add(scores, select(seen, constant(0, q.dtype), HIDDEN))
  }
  if (mask.keep !== undefined) {
    scores = add(scores, reshape(select(mask.keep, constant(0, q.dtype), HIDDEN), [batch, 1, 1, 1, tokens]))
  }
  const probabilities = dropout(softmax(scores), seed, rate, site)
  return reshape(matmul(reshape(probabilities, merged), v), q.shape)
}

/** x with a share `rate` zeroed in a pass with a seed. site: a module path. */
export function maybeDropout(x: Tensor, context: Context, rate: number, site: string): Tensor {
  return context.seed === undefined ? x : dropout(x, context.seed, rate, site)
}
