/**
 * Biases in place of positions: a key's score gains its place times its head's slope, which softmax sees as its distance to the query.
 * Source: arXiv:2108.12409 §3.
 */
import {
  type Context,
  cast,
  concat,
  constant,
  constantTensor,
  type DType,
  gatherRows,
  hostTensor,
  max,
  permute,
  reshape,
  type ScoreBias,
  sub,
  type Tensor,
} from '@espalier/core'
import { runningCount } from './running-count.js'

/** What biases are made with. */
export interface AlibiSettings {
  readonly heads: number
  /** Of the scores. */
  readonly dtype: DType
  /** The bias at a place; the product when left out. */
  readonly valueAt?: (slope: number, place: number) => number
}

/** Biases of self-attention in a pass: (1 or batch, heads, 1, keys). */
export function alibi(
  { heads, dtype, valueAt = (slope, place) => slope * place }: AlibiSettings,
  context: Context,
): ScoreBias {
  const slopes = alibiSlopes(heads)
  return (_, keys) => {
    const count = keys.shape[0] as number
    const values = Array.from({ length: count }, (_, place) => slopes.map((slope) => valueAt(slope, place)))
    const table = constantTensor(hostTensor('f32', [count, heads], values.flat()))
    const places = placesOf(keys, context)
    const rows = permute(gatherRows(table, places), [0, 2, 1]) // (1 or batch, heads, keys)
    return cast(reshape(rows, [places.shape[0] as number, heads, 1, count]), dtype)
  }
}

/** Each head's slope: a geometric sequence, filled up from the one of twice as many heads where their number is no power of 2. */
export function alibiSlopes(heads: number): number[] {
  const whole = 2 ** Math.floor(Math.log2(heads))
  const sequence = (count: number, length: number, step: number) => {
    const base = Math.fround(2 ** -(2 ** -(Math.log2(count) - 3)))
    return Array.from({ length }, (_, i) => Math.fround(base ** (1 + step * i)))
  }
  return [...sequence(whole, whole, 1), ...sequence(2 * whole, heads - whole, 2)]
}

/** Each key's place in its row, (1 or batch, keys) i32, counted over those that are no padding. */
function placesOf(keys: Tensor, { mask, cache }: Context): Tensor {
  const count = keys.shape[0] as number
  const isCached = cache?.filled !== undefined
  const keep = isCached ? cache.keep : mask.keep
  if (keep === undefined) return reshape(keys, [1, count])
  const [batch, own] = keep.shape as [number, number]
  // Keys in front of the pass's own are all seen.
  const isWhole = isCached || own === count
  const all = isWhole ? keep : concat([constant(1, 'bool', [batch, count - own]), keep], 1)
  const places = max(sub(runningCount(all), 1), 0)
  return isCached ? permute(gatherRows(permute(places, [1, 0]), keys), [1, 0]) : places
}
