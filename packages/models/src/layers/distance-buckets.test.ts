import { constantTensor, hostTensor, iota, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { bucketOf, distanceBuckets } from './distance-buckets.js'

// T5's own sizes. Where a bucket begins, from transformers 5.18's T5Attention._relative_position_bucket.
const sizes = { buckets: 32, farthest: 128 }

describe('bucketOf', () => {
  const begins = (bothWays: boolean, sign: number) =>
    Array.from({ length: 300 }, (_, i) => bucketOf(sign * i, { ...sizes, bothWays })).flatMap((bucket, i, all) =>
      i === 0 || bucket !== all[i - 1] ? [[i, bucket]] : [],
    )

  it('is transformers’ for keys before the query', () => {
    expect(begins(false, -1).slice(-8)).toEqual([
      [46, 24],
      [52, 25],
      [59, 26],
      [67, 27],
      [77, 28],
      [87, 29],
      [99, 30],
      [113, 31],
    ])
    expect(begins(true, -1).slice(-8)).toEqual([
      [8, 8],
      [12, 9],
      [16, 10],
      [23, 11],
      [32, 12],
      [46, 13],
      [64, 14],
      [91, 15],
    ])
  })

  it('has buckets of their own for keys behind the query, or the nearest', () => {
    expect(begins(true, 1).slice(1)).toEqual(
      begins(true, -1)
        .slice(1)
        .map(([i, bucket]) => [i, (bucket as number) + 16]),
    )
    expect(begins(false, 1)).toEqual([[0, 0]])
  })
})

describe('distanceBuckets', () => {
  it('gives every query and key theirs, also far beyond the table', async () => {
    const settings = { buckets: 8, farthest: 16, bothWays: true }
    const queries = iota([3], 0)
    const keys = constantTensor(hostTensor('i32', [4], [0, 1, 2, 900]))
    const y = distanceBuckets(queries, keys, settings)
    const executable = await reference().compile({ name: 'buckets', outputs: { y } })
    const got = Array.from((await executable.run({ feeds: {} })).y?.data ?? [], Number)
    const want = [0, 1, 2].flatMap((query) => [0, 1, 2, 900].map((key) => bucketOf(key - query, settings)))
    expect(got).toEqual(want)
  })
})
