/** Which row of the table of distances each pair of tokens reads. */
import { add, constantTensor, gatherRows, hostTensor, iota, reshape, sub, type Tensor } from '@espalier/core'
import type { DistanceSettings } from './settings.js'

/** Rows of the table that a pass reads, and which one each query and key has. */
export interface DistanceRows {
  /** The first row that is read, and the one behind the last. */
  readonly from: number
  readonly to: number
  /** (queries, keys) i32, counted from `from`. */
  readonly index: Tensor
}

/** The rows for a pass of this many tokens; the table has twice the span. */
export function distanceRows(tokens: number, settings: DistanceSettings): DistanceRows {
  const { span } = settings
  const rows = Array.from({ length: 2 * tokens - 1 }, (_, i) => {
    const row = span + distanceBucket(i - (tokens - 1), settings)
    return Math.min(2 * span - 1, Math.max(0, row))
  })
  const [from, to] = [Math.min(...rows), Math.max(...rows) + 1]
  const table = constantTensor(
    hostTensor(
      'i32',
      [rows.length, 1],
      rows.map((row) => row - from),
    ),
  )
  const distance = add(sub(iota([tokens, tokens], 0), iota([tokens, tokens], 1)), tokens - 1)
  return { from, to, index: reshape(gatherRows(table, distance), [tokens, tokens]) }
}

/**
 * The bucket of a query's place minus the key's: near distances have their own, far ones share by logarithm, in float32 as torch. Source:
 * transformers' make_log_bucket_position; arXiv:2111.09543 §4.
 */
export function distanceBucket(distance: number, { buckets }: DistanceSettings): number {
  if (buckets === null) return distance
  const near = Math.floor(buckets.count / 2)
  const size = Math.abs(distance)
  if (size <= near) return distance
  const { fround, log, sign } = Math
  const share = fround(fround(log(fround(size / near))) / fround(log(fround((buckets.farthest - 1) / near))))
  return sign(distance) * (Math.ceil(fround(share * (near - 1))) + near)
}
