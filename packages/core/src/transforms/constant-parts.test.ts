import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { concat } from '../graph/ops/concat.js'
import { constant, constantTensor } from '../graph/ops/constant.js'
import { feed } from '../graph/ops/input.js'
import { iota } from '../graph/ops/iota.js'
import { slice } from '../graph/ops/slice.js'
import { sin } from '../graph/ops/unary.js'
import { type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'
import { constantParts } from './constant-parts.js'

const x = feed('x', 'f32', [4])
const table = constantTensor(hostTensor('f32', [4], [1, 2, 3, 4]))

const parts = (root: Tensor, most = 100) => {
  const found = constantParts(topologicalOrder([root]), ({ shape }) => sizeOf(shape) <= most)
  return (y: Tensor) => found.has(y.node)
}

describe('constantParts', () => {
  it('are what no input reaches', () => {
    const positions = sin(mul(iota([4], 0, 'f32'), table))
    const y = add(positions, x)
    const isPart = parts(y)
    expect([positions, table, x, y].map(isPart)).toEqual([true, true, false, false])
  })

  it('leave out what is too large to keep, and what is made of it', () => {
    const zeros = constant(0, 'f32', [4])
    const y = sin(add(zeros, table))
    const isPart = parts(y, 3)
    expect([zeros, y].map(isPart)).toEqual([false, false])
    expect(isPart(table)).toBe(true) // in memory anyway
  })

  it('are also results without elements, whatever they are made of', () => {
    const nothing = slice(x, [2], [2])
    const y = concat([nothing, table], 0)
    const isPart = parts(y)
    expect([nothing, y].map(isPart)).toEqual([true, true])
  })
})
