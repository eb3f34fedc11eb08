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
  body(inputs, attributes) {
    const [q] = inputs as readonly [Tensor]
    return [q.shape[2] === 1 ? ofOneToken(inputs, attributes) : ofTokens(inputs, attributes)]
  },
}

function ofTokens(inputs: readonly Tensor[], { scale, window }: CachedAttentionAttributes): Tensor {
  const [q, cachedK, cachedV, newK, newV, filled, keep] = inputs as Inputs
  const [batch, heads, tokens, size] = q.shape as [number, number, number, number]
  const [groups, slots] = [cachedK.shape[1] as number, cachedK.shape[2] as number]
  const grouped = reshape(q, [batch, groups, (heads / groups) * tokens, size])
  const scores = (keys: Tensor, seen: Tensor) => {
    const shape = [batch, groups, heads / groups, tokens, keys.shape[2] as number]
    const raw = reshape(mul(matmul(grouped, keys, { transposeB: true }), scale), shape)
    return add(raw, select(seen, constant(0, q.dtype), maskedScore(q.dtype)))
  }
  const slot = iota([tokens, slots], 1)
  const token = iota([tokens, slots], 0)
  let old = and(less(slot, filled), reshape(keep, [batch, 1, 1, 1, slots]))
  let fresh = lessEqual(iota([tokens, tokens], 1), iota([tokens, tokens], 0))
  if (window !== null) {
    old = and(old, less(sub(add(token, filled), slot), constant(window, 'i32')))
    fresh = and(fresh, less(sub(iota([tokens, tokens], 0), iota([tokens, tokens], 1)), constant(window, 'i32')))
  }
  const probabilities = softmax(concat([scores(cachedK, old), scores(newK, fresh)], 4))
  const part = (from: number, to: number) =>
    reshape(sliceAxis(probabilities, 4, from, to), [batch, groups, (heads / groups) * tokens, to - from])
  return reshape(add(matmul(part(0, slots), cachedV), matmul(part(slots, slots + tokens), newV)), q.shape)
}

/**
 * The same for one new token, which generation runs for every token. It sees all before it and itself. Each head is a product of its
 * own with one row, over a key that broadcasts: kernels for one row read the cache as it lies, those for several pack it first.
 */
function ofOneToken(inputs: readonly Tensor[], { scale, window }: CachedAttentionAttributes): Tensor {
  const [q, cachedK, cachedV, newK, newV, filled, keep] = inputs as Inputs
  const [batch, heads, , size] = q.shape as [number, number, number, number]
  const [groups, slots] = [cachedK.shape[1] as number, cachedK.shape[2] as number]
  const query = reshape(mul(q, scale), [batch, groups, heads / groups, 1, size])
  const shared = (rows: Tensor) => reshape(rows, [batch, groups, 1, rows.shape[2] as number, size])
  const slot = iota([slots], 0)
  const used = less(slot, filled)
  const near = window === null ? used : and(used, less(sub(filled, slot), constant(window, 'i32')))
  const seen = and(near, reshape(keep, [batch, 1, 1, 1, slots]))
  const old = add(
    matmul(query, shared(cachedK), { transposeB: true }),
    select(seen, constant(0, q.dtype), maskedScore(q.dtype)),
  )
  const own = matmul(query, shared(newK), { transposeB: true }) // (batch, groups, heads of a group, 1, 1)
  const probabilities = softmax(concat([old, own], 4))
  const past = matmul(sliceAxis(probabilities, 4, 0, slots), shared(cachedV))
  return reshape(add(past, mul(sliceAxis(probabilities, 4, slots, slots + 1), shared(newV))), q.shape)
}

type Inputs = readonly [
  q: Tensor,
  cachedK: Tensor,
  cachedV: Tensor,
  newK: Tensor,
  newV: Tensor,
  filled: Tensor,
  keep: Tensor,
]

/** New tokens attending to a cache and to each other; see `cachedAttentionCall`. */
export function cachedAttention(inputs: Inputs, attributes: CachedAttentionAttributes): Tensor {
  return call(cachedAttentionCall, inputs, attributes)[0] as Tensor
}
