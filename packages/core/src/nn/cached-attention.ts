/** Attention of a few new tokens to a key/value cache and to each other, without copying the cache. */
import { add, and, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { less, lessEqual } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { iota } from '../graph/ops/iota.js'
import { matmul } from '../graph/ops/matmul.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import type { Tensor } from '../graph/tensor.js'
import { biasByGroup, biased, capped, hidden, type ScoreAttributes, withSinks } from './attention-scores.js'
import { softmax } from './softmax.js'

/** Constants of cached attention. */
export type CachedAttentionAttributes = ScoreAttributes

/** What cached attention may be given besides queries and the cache. */
export interface CachedAttentionExtras {
  /** (1 or batch, 1 or heads, 1 or tokens, slots + tokens): added to the scores of the cached keys and the new ones behind them. */
  readonly bias?: Tensor | undefined
  /** As in `AttentionExtras`. */
  readonly sinks?: Tensor | undefined
}

const EXTRA_INPUTS = ['bias', 'sinks'] as const

interface CallAttributes extends CachedAttentionAttributes {
  /** The inputs after those that every call has, in this order. */
  readonly extras: readonly (typeof EXTRA_INPUTS)[number][]
}

/**
 * Call `cachedAttention`: inputs q (batch, heads, tokens, size); cached k and v (batch, groups, slots, size); new k and v (batch, groups,
 * tokens, size); filled, an i32 scalar: slots before it are used; keep (batch, slots) bool: slots of padding are false; and those that
 * `extras` names. Causal among the new tokens, which stand at slots filled, filled + 1... Output as q.
 */
export const cachedAttentionCall: CallDefinition<CallAttributes> = {
  name: 'cachedAttention',
  body([q, cachedK, cachedV, newK, newV, filled, keep, ...rest], attributes) {
    const inputs = [q, cachedK, cachedV, newK, newV, filled, keep] as readonly (Tensor | undefined)[] as Inputs
    const extras = Object.fromEntries(attributes.extras.map((name, i) => [name, rest[i]]))
    return [(inputs[0].shape[2] === 1 ? ofOneToken : ofTokens)(inputs, extras, attributes)]
  },
}

function ofTokens(inputs: Inputs, { bias, sinks }: CachedAttentionExtras, attributes: CallAttributes): Tensor {
  const [q, cachedK, cachedV, newK, newV, filled, keep] = inputs
  const { scale, window } = attributes
  const [batch, heads, tokens, size] = q.shape as [number, number, number, number]
  const [groups, slots] = [cachedK.shape[1] as number, cachedK.shape[2] as number]
  const grouped = reshape(q, [batch, groups, (heads / groups) * tokens, size])
  const scores = (keys: Tensor, from: number, seen: Tensor) => {
    const count = keys.shape[2] as number
    const shape = [batch, groups, heads / groups, tokens, count]
    const products = capped(reshape(mul(matmul(grouped, keys, { transposeB: true }), scale), shape), attributes)
    return biased(products, bias && biasByGroup(sliceAxis(bias, 3, from, from + count), groups), [
      hidden(seen, q.dtype),
    ])
  }
  const slot = iota([tokens, slots], 1)
  const token = iota([tokens, slots], 0)
  let old = and(less(slot, filled), reshape(keep, [batch, 1, 1, 1, slots]))
  let fresh = lessEqual(iota([tokens, tokens], 1), iota([tokens, tokens], 0))
  if (window !== null) {
    old = and(old, less(sub(add(token, filled), slot), constant(window, 'i32')))
    fresh = and(fresh, less(sub(iota([tokens, tokens], 0), iota([tokens, tokens], 1)), constant(window, 'i32')))
  }
  const probabilities = softmax(withSinks(concat([scores(cachedK, 0, old), scores(newK, slots, fresh)], 4), sinks))
  const part = (from: number, to: number) =>
    reshape(sliceAxis(probabilities, 4, from, to), [batch, groups, (heads / groups) * tokens, to - from])
  return reshape(add(matmul(part(0, slots), cachedV), matmul(part(slots, slots + tokens), newV)), q.shape)
}

/**
 * The same for one new token, which generation runs for every token. It sees all before it and itself. Each head is a product of its
 * own with one row, over a key that broadcasts: kernels for one row read the cache as it lies, those for several pack it first.
 */
function ofOneToken(inputs: Inputs, { bias, sinks }: CachedAttentionExtras, attributes: CallAttributes): Tensor {
  const [q, cachedK, cachedV, newK, newV, filled, keep] = inputs
  const { scale, window } = attributes
  const [batch, heads, , size] = q.shape as [number, number, number, number]
  const [groups, slots] = [cachedK.shape[1] as number, cachedK.shape[2] as number]
  const query = reshape(mul(q, scale), [batch, groups, heads / groups, 1, size])
  const shared = (rows: Tensor) => reshape(rows, [batch, groups, 1, rows.shape[2] as number, size])
  const slot = iota([slots], 0)
  const used = less(slot, filled)
  const near = window === null ? used : and(used, less(sub(filled, slot), constant(window, 'i32')))
  const seen = and(near, reshape(keep, [batch, 1, 1, 1, slots]))
  const scores = (keys: Tensor, from: number, masks: readonly Tensor[]) => {
    const products = capped(matmul(query, shared(keys), { transposeB: true }), attributes)
    return biased(
      products,
      bias && biasByGroup(sliceAxis(bias, 3, from, from + (keys.shape[2] as number)), groups),
      masks,
    )
  }
  const old = scores(cachedK, 0, [hidden(seen, q.dtype)])
  const own = scores(newK, slots, []) // (batch, groups, heads of a group, 1, 1)
  const probabilities = softmax(withSinks(concat([old, own], 4), sinks))
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
export function cachedAttention(
  inputs: Inputs,
  attributes: CachedAttentionAttributes,
  given: CachedAttentionExtras = {},
): Tensor {
  const extras = EXTRA_INPUTS.filter((name) => given[name] !== undefined)
  const all = [...inputs, ...extras.map((name) => given[name] as Tensor)]
  return call(cachedAttentionCall, all, { ...attributes, extras })[0] as Tensor
}
