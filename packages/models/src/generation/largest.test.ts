import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { largest } from './largest.js'

describe('largest', () => {
  it('agrees with sorting everything', () => {
    const values = new Random(1).normal(500, 1).map((x) => Math.round(x * 20) / 20) // many ties
    const sorted = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number) || a - b)
    for (const count of [0, 1, 2, 7, 100, 500, 600]) expect(largest(values, count)).toEqual(sorted.slice(0, count))
  })

  it('puts numbers that are not numbers last', () => {
    expect(largest(Float32Array.from([Number.NaN, 1, 2]), 3)).toEqual([2, 1, 0])
  })
})
