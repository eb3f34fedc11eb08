/** Builders refuse what their op cannot take, where it is written and not when it runs. */
import { describe, expect, it } from 'vitest'
import { hostTensor } from '../../dtype.js'
import * as ops from '../ops.js'
import { feed, input } from './input.js'

const f = (...shape: number[]) => feed('f', 'f32', shape)
const i = (...shape: number[]) => feed('i', 'i32', shape)
const u = (...shape: number[]) => feed('u', 'u32', shape)
const b = (...shape: number[]) => feed('b', 'bool', shape)

const shapes: Readonly<Record<string, () => unknown>> = {
  'add of shapes that do not broadcast': () => ops.add(f(2), f(3)),
  'matmul of unequal inner sizes': () => ops.matmul(f(2, 3), f(2, 3)),
  'matmul of a vector': () => ops.matmul(f(3), f(3, 2)),
  'matmul of batches that do not broadcast': () => ops.matmul(f(2, 1, 3), f(3, 3, 1)),
  'reshape to another size': () => ops.reshape(f(2, 3), [7]),
  'reshape that does not divide': () => ops.reshape(f(2, 3), [4, -1]),
  'permute of an axis twice': () => ops.permute(f(2, 3), [0, 0]),
  'permute of too few axes': () => ops.permute(f(2, 3), [0]),
  'broadcast to a smaller shape': () => ops.broadcast(f(2, 3), [3]),
  'slice beyond the end': () => ops.slice(f(2), [0], [3]),
  'slice backwards': () => ops.slice(f(4), [3], [1]),
  'sliceAxis of an axis that is not there': () => ops.sliceAxis(f(4), 1, 0, 1),
  'pad by less than nothing': () => ops.pad(f(2), [-1], [0]),
  'concat of nothing': () => ops.concat([], 0),
  'concat of other sizes': () => ops.concat([f(2, 3), f(2, 4)], 0),
  'concat of two dtypes': () => ops.concat([f(2), i(2)], 0),
  'gatherRows from a scalar': () => ops.gatherRows(f(), i(2)),
  'gatherAlong of other shapes': () => ops.gatherAlong(f(2, 3), i(3, 1), 1),
  'scatterAddRows without an update for each index': () => ops.scatterAddRows(i(2), f(3, 4), 5),
  'writeRows of wider rows': () => ops.writeRows(f(4, 2), i(), f(1, 3), 0),
  'writeRows at a vector': () => ops.writeRows(f(4, 2), i(1), f(1, 2), 0),
  'topK of more than there is': () => ops.topK(f(3), 4),
  'reduce along an axis that is not there': () => ops.reduceSum(f(3), { axes: [1] }),
  'iota of a scalar': () => ops.iota([], 0),
  'an input of a negative size': () => input('feed', 'x', 'f32', [-1]),
  'a constant of half a size': () => ops.constant(1, 'f32', [0.5]),
  'constant data of another size': () => ops.constantTensor({ ...hostTensor('f32', [2]), shape: [3] }),
}

const dtypes: Readonly<Record<string, () => unknown>> = {
  'add of two dtypes': () => ops.add(f(2), i(2)),
  'add of bool': () => ops.add(b(2), b(2)),
  'matmul of integers': () => ops.matmul(i(2, 2), i(2, 2)),
  'exp of integers': () => ops.exp(i(2)),
  'not of floats': () => ops.not(f(2)),
  'and of floats': () => ops.and(f(2), f(2)),
  'shiftLeft of i32': () => ops.shiftLeft(i(2), i(2)),
  'pow of integers': () => ops.pow(i(2), i(2)),
  'less of two dtypes': () => ops.less(f(2), u(2)),
  'select by floats': () => ops.select(f(2), f(2), f(2)),
  'select of two dtypes': () => ops.select(b(2), f(2), i(2)),
  'gatherRows by floats': () => ops.gatherRows(f(2, 2), f(2)),
  'topK of integers': () => ops.topK(i(3), 1),
  'scatterAddRows of bool': () => ops.scatterAddRows(i(2), b(2), 3),
  'iota of bool': () => ops.iota([2], 0, 'bool'),
  'reduceSum of bool': () => ops.reduceSum(b(3)),
  'randomBits of an i32 seed': () => ops.randomBits(i(), 0, u(3)),
  'randomBits of i32 indices': () => ops.randomBits(u(), 0, i(3)),
}

describe('builders', () => {
  for (const [name, build] of Object.entries(shapes)) {
    it(`refuse ${name} with shape.mismatch`, () => {
      expect(build).toThrow(expect.objectContaining({ code: 'shape.mismatch' }))
    })
  }
  for (const [name, build] of Object.entries(dtypes)) {
    it(`refuse ${name} with dtype.mismatch`, () => {
      expect(build).toThrow(expect.objectContaining({ code: 'dtype.mismatch' }))
    })
  }

  it('give the tensor itself where nothing is to do', () => {
    const x = f(2, 3)
    const same = [
      ops.reshape(x, [2, 3]),
      ops.permute(x, [0, 1]),
      ops.broadcast(x, [2, 3]),
      ops.slice(x, [0, 0], [2, 3]),
      ops.pad(x, [0, 0], [0, 0]),
      ops.concat([x], 0),
      ops.cast(x, 'f32'),
      ops.reduceSum(x, { axes: [] }),
    ]
    for (const y of same) expect(y).toBe(x)
  })
})
