import { constant, input, type Node, slice, sliceAxis, type Tensor, topologicalOrder } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { splitsOf } from './splits.js'

const x = input('feed', 'x', 'f32', [2, 6, 4])
const found = (parts: readonly Tensor[]) => splitsOf(topologicalOrder(parts))
const nodesOf = (parts: readonly Tensor[]): readonly Node[] => parts.map(({ node }) => node)

describe('splits', () => {
  it('are slices that follow each other along an axis, in their order', () => {
    const parts = [sliceAxis(x, 1, 2, 6), sliceAxis(x, 1, 0, 1), sliceAxis(x, 1, 1, 2)]
    const splits = found(parts)
    expect(splits.size).toBe(3)
    const [third, first, second] = nodesOf(parts)
    for (const split of splits.values()) expect(split).toEqual({ axis: 1, slices: [first, second, third] })
  })

  it.each([
    ['that overlap', [sliceAxis(x, 1, 0, 3), sliceAxis(x, 1, 2, 6)]],
    ['that leave a gap', [sliceAxis(x, 1, 0, 2), sliceAxis(x, 1, 3, 6)]],
    ['that leave the end', [sliceAxis(x, 1, 0, 2), sliceAxis(x, 1, 2, 5)]],
    ['of different axes', [sliceAxis(x, 1, 0, 3), sliceAxis(x, 2, 2, 4)]],
    ['of two axes', [slice(x, [0, 0, 0], [2, 3, 2]), sliceAxis(x, 1, 3, 6)]],
    ['of different values', [sliceAxis(x, 1, 0, 3), sliceAxis(constant(1, 'f32', [2, 6, 4]), 1, 3, 6)]],
  ])('are not slices %s', (_, parts) => {
    expect(found(parts).size).toBe(0)
  })

  it('of one axis are found beside slices of another', () => {
    const parts = [sliceAxis(x, 1, 0, 3), sliceAxis(x, 1, 3, 6), sliceAxis(x, 2, 0, 2)]
    expect([...found(parts).keys()]).toEqual(nodesOf(parts.slice(0, 2)))
  })
})
