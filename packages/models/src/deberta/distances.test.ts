import { reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { distanceBucket, distanceRows } from './distances.js'

// transformers 5.18's make_log_bucket_position.
const published: readonly (readonly [number, number, readonly (readonly [number, number])[]])[] = [
  [
    256,
    512,
    [-511, -130, -9, 127, 128, 129, 200, 300, 511, 700].map((x, i) => [
      x,
      [-255, -130, -9, 127, 128, 129, 169, 207, 255, 284][i] as number,
    ]),
  ],
  [
    32,
    128,
    [-511, -130, 16, 17, 100, 127, 200, 300, 700].map((x, i) => [
      x,
      [-42, -32, 16, 17, 30, 31, 35, 38, 44][i] as number,
    ]),
  ],
  [6, 100, [-511, -9, -2, 0, 3, 5, 16, 100, 600].map((x, i) => [x, [-6, -4, -2, 0, 3, 4, 4, 6, 7][i] as number])],
]

describe('distanceBucket', () => {
  it.each(published)('is what transformers gives for %i buckets up to %i', (count, farthest, pairs) => {
    for (const [distance, bucket] of pairs)
      expect(distanceBucket(distance, { span: count, buckets: { count, farthest } }), `${distance}`).toBe(bucket)
  })
})

describe('distanceRows', () => {
  it('reads no more of the table than the pass needs, and the ends of it for what is farther', async () => {
    const { from, to, index } = distanceRows(4, { span: 2, buckets: null })
    expect([from, to]).toEqual([0, 4])
    const executable = await reference().compile({ name: 'rows', outputs: { index } })
    const got = await executable.run({})
    expect(Array.from(got.index?.data ?? [])).toEqual([2, 1, 0, 0, 3, 2, 1, 0, 3, 3, 2, 1, 3, 3, 3, 2])
    const near = distanceRows(3, { span: 100, buckets: null })
    expect([near.from, near.to]).toEqual([98, 103])
  })
})
