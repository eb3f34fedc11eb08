/** Attention of a few new tokens to a key/value cache and to each other, without copying the cache. */
import { add, and, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { less, lessEqual } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { iota } from '../graph/ops/iota.js'
import { matmul } from '../graph/ops/matmul.js'
import { reshape } from '../graph/ops/reshape.js'
import { select } from '../graph/ops/select.js'
import { sliceAxis } from '../graph/ops/slice.js'
import type { Tensor } from '../graph/tensor.js'
import { maskedScore } from './attention.js'
import { softmax } from './softmax.js'

/** Constants of cached attention; `window` as in attention. */
export interface CachedAttentionAttributes extends Readonly<Record<string, unknown>> {
  readonly scale: number
  readonly window: number | null
}

/**
 * Call `cachedAttention`: inputs q (batch, heads, tokens, size); cached k and v (batch, groups, slots, size); new k and v (batch, groups,
 * tokens, size); filled, an i32 scalar: slots before it are used; keep (batch, slots) bool: slots of padding are false. Causal among the
 * new tokens, which stand at slots filled, filled + 1... Output as q.
 */
export const cachedAttentionCall: CallDefinition<CachedAttentionAttributes> = {
  name: 'cachedAttention',
  body(inputs, { scale, window }) {
    const [q, cachedK, cachedV, newK, newV, filled, keep] = inputs as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const [batch, heads, tokens, size] = q.shape as [number, number, number, number]
    const [groups, slots] = [cachedK.shape[1] as number, cachedK.shape[2] as number]
    const grouped = reshape(q, [batch, groups, (heads / groups) * tokens, size])
    // One token sees all that is before it and itself; its scores need no axis of tokens. Generation runs this for every token.
    const single = tokens === 1
    const scores = (keys: Tensor, seen: Tensor | undefined) => {
      const count = keys.shape[2] as number
      const raw = mul(matmul(grouped, keys, { transposeB: true }), scale)
      const apart = single ? raw : reshape(raw, [batch, groups, heads / groups, tokens, count])
      return seen === undefined ? apart : add(apart, select(seen, constant(0, q.dtype), maskedScore(q.dtype)))
    }
    const slot = iota([tokens, slots], 1)
    const token = iota([tokens, slots], 0)
    let old = and(less(slot, filled), reshape(keep, single ? [batch, 1, 1, slots] : [batch, 1, 1, 1, slots]))
    let fresh = single ? undefined : lessEqual(iota([tokens, tokens], 1), iota([tokens, tokens], 0))
    if (window !== null) {
      old = and(old, less(sub(add(token, filled), slot), constant(window, 'i32')))
      const near = less(sub(iota([tokens, tokens], 0), iota([tokens, tokens], 1)), constant(window, 'i32'))
      fresh = fresh === undefined ? undefined : and(fresh, near)
    }
    const axis = single ? 3 : 4
    const probabilities = softmax(concat([scores(cachedK, old), scores(newK, fresh)], axis))
    const part = (from: number, to: number) =>
      reshape(sliceAxis(probabilities, axis, from, to), [batch, groups, (heads / groups) * tokens, to - from])
    return [reshape(add(matmul(part(0, slots), cachedV), matmul(part(slots, slots + tokens), newV)), q.shape)]
  },
}

/** New tokens attending to a cache and to each other; see `cachedAttentionCall`. */
export function cachedAttention(
  inputs: readonly [
    q: Tensor,
    cachedK: Tensor,
    cachedV: Tensor,
    newK: Tensor,
    newV: Tensor,
    filled: Tensor,
    keep: Tensor,
  ],
  attributes: CachedAttentionAttributes,
): Tensor {
  return call(cachedAttentionCall, inputs, attributes)[0] as Tensor
}
