/** Buckets of the distance between two tokens, each of which has a learned bias: near ones have one each, far ones share by logarithm. */
import { add, constantTensor, gatherRows, hostTensor, max, min, reshape, sub, type Tensor } from '@espalier/core'

/** Sizes of a table of biases by distance. Source: arXiv:1910.10683 §2.1. */
export interface BucketSettings {
  readonly buckets: number
  /** Distances from here on share the last bucket. */
  readonly farthest: number
  /** Half of the buckets are for keys behind the query; otherwise those count as distance 0. */
  readonly bothWays: boolean
}

/** Buckets of queries (queries) and keys (keys), i32 places: (queries, keys) i32. */
export function distanceBuckets(queries: Tensor, keys: Tensor, settings: BucketSettings): Tensor {
  const { farthest } = settings
  const distances = Array.from({ length: 2 * farthest + 1 }, (_, i) => i - farthest)
  const table = hostTensor(
    'i32',
    [distances.length, 1],
    distances.map((distance) => bucketOf(distance, settings)),
  )
  const [rows, columns] = [queries.shape[0] as number, keys.shape[0] as number]
  const distance = sub(reshape(keys, [1, columns]), reshape(queries, [rows, 1]))
  const index = add(min(max(distance, -farthest), farthest), farthest)
  return reshape(gatherRows(constantTensor(table), index), [rows, columns])
}

/** The bucket of a key's place minus the query's, in float32 as torch: a boundary must fall on the same side. */
export function bucketOf(distance: number, { buckets, farthest, bothWays }: BucketSettings): number {
  const count = bothWays ? Math.floor(buckets / 2) : buckets
  const start = bothWays && distance > 0 ? count : 0
  const size = bothWays ? Math.abs(distance) : Math.max(0, -distance)
  const exact = Math.floor(count / 2)
  if (size < exact) return start + size
  const { fround, log } = Math
  const share = fround(fround(log(fround(size / exact))) / fround(log(farthest / exact)))
  return start + Math.min(count - 1, exact + Math.trunc(fround(share * (count - exact))))
}
