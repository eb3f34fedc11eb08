/** Cases of ops that move, repeat or pick elements, on floats. Values must be exact: nothing is computed. */
import * as core from '@espalier/core'
import { type DType, hostTensor, type Shape, type Tensor } from '@espalier/core'
import { EXACT } from '../compare.js'
import { type GraphCase, spread } from '../graph-case.js'

const INF = Number.POSITIVE_INFINITY

/** Movement, gather, scatter, write and topK cases on one float dtype. */
export function movementCases(dtype: DType): GraphCase[] {
  const one = (name: string, shape: Shape, apply: (x: Tensor) => Tensor | readonly Tensor[]): GraphCase => ({
    name,
    feeds: { x: spread(dtype, shape, 1) },
    tolerance: EXACT,
    build: (x: Tensor) => [apply(x)].flat(),
  })
  return [
    one('reshape (2,3,4) to (4,6), (24) and back to (2,3,4)', [2, 3, 4], (x) => [
      core.reshape(x, [4, 6]),
      core.reshape(x, [-1]),
      core.reshape(core.reshape(x, [6, 4]), [2, 3, 4]),
    ]),
    one('reshape of one element to a scalar', [1, 1], (x) => core.mul(core.reshape(x, []), core.reshape(x, [1]))),
    ...[
      [1, 0, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 2, 0],
    ].map((order) => one(`permute (2,3,4) by ${order}`, [2, 3, 4], (x) => core.permute(x, order))),
    one('permute (2,1,3,1,5) by 4,1,0,3,2', [2, 1, 3, 1, 5], (x) => core.permute(x, [4, 1, 0, 3, 2])),
    one('transpose (3,2,7)', [3, 2, 7], core.transpose),
    one('broadcast (3,1) to (2,3,5), and (1) to (4,2)', [3, 1], (x) => [
      core.broadcast(x, [2, 3, 5]),
      core.broadcast(core.slice(x, [0, 0], [1, 1]), [4, 2]),
    ]),
    one('slice (4,5,3)', [4, 5, 3], (x) => [core.slice(x, [1, 0, 2], [3, 5, 3]), core.sliceAxis(x, -2, 4, 5)]),
    one('overlapping slices', [7], (x) => core.add(core.slice(x, [0], [5]), core.slice(x, [2], [7]))),
    one('pad (2,3) with 0 and with a value', [2, 3], (x) => [
      core.pad(x, [1, 0], [0, 2]),
      core.pad(x, [0, 3], [1, 0], -1.5),
    ]),
    {
      name: 'concat of three, along each axis, one of them twice',
      feeds: { a: spread(dtype, [2, 3], 2), b: spread(dtype, [2, 1], 3), c: spread(dtype, [5, 3], 4) },
      tolerance: EXACT,
      build: (a, b, c) => [core.concat([a, b, a], 1), core.concat([c, a], 0), core.concat([a, b], -1)],
    },
    {
      name: 'barrier passes values and cotangents',
      feeds: { x: spread(dtype, [3], 5), y: spread(dtype, [2, 2], 6), z: spread(dtype, [4], 7) },
      build: (x, y, z) => {
        const [a, b] = core.barrier([x, core.exp(y)], [core.sin(z)]) as [Tensor, Tensor]
        return [core.mul(a, a), b]
      },
    },
    ...gatherCases(dtype),
    ...writeCases(dtype),
    ...topKCases(dtype),
  ]
}

function gatherCases(dtype: DType): GraphCase[] {
  return [
    gather('gatherRows (5,3) by (2,2), repeated rows', dtype, [5, 3], [2, 2], [4, 0, 4, 1], core.gatherRows),
    gather('gatherRows (4) by (3)', dtype, [4], [3], [3, 3, 0], core.gatherRows),
    gather('gatherRows (3,2,2) by a scalar', dtype, [3, 2, 2], [], [2], core.gatherRows),
    gather('gatherAlong (3,4) along 1', dtype, [3, 4], [3, 2], [3, 0, 1, 1, 2, 3], (x, i) => core.gatherAlong(x, i, 1)),
    gather('gatherAlong (3,4) along 0', dtype, [3, 4], [2, 4], [2, 0, 1, 1, 2, 0, 0, 1], (x, i) =>
      core.gatherAlong(x, i, 0),
    ),
    gather('gatherAlong (2,3,2) along 1', dtype, [2, 3, 2], [2, 1, 2], [2, 0, 1, 1], (x, i) =>
      core.gatherAlong(x, i, 1),
    ),
    // Sums of at most three values: every backend may add them in its own order.
    {
      ...gather('scatterAddRows (2,2,3) into 5 rows, repeated rows', dtype, [2, 2, 3], [2, 2], [4, 0, 4, 4], (x, i) =>
        core.scatterAddRows(i, x, 5),
      ),
      tolerance: { absolute: 1e-6, relative: 1e-6 },
    },
    gather('scatterAddRows (3) into 4', dtype, [3], [3], [3, 0, 1], (x, i) => core.scatterAddRows(i, x, 4)),
    {
      name: 'gatherRows by u32',
      feeds: { x: spread(dtype, [3, 2], 8), i: hostTensor('u32', [2], [2, 1]) },
      tolerance: EXACT,
      build: (x, i) => [core.gatherRows(x, i)],
    },
  ]
}

function writeCases(dtype: DType): GraphCase[] {
  const write = (buffer: Shape, rows: Shape, start: number, axis: number): GraphCase => ({
    name: `writeRows (${rows}) into (${buffer}) along ${axis} at ${start}`,
    feeds: { buffer: spread(dtype, buffer, 9), rows: spread(dtype, rows, 10), start: hostTensor('i32', [], [start]) },
    tolerance: EXACT,
    build: (buffer, rows, start) => [core.writeRows(buffer, start, rows, axis)],
  })
  return [
    write([5, 2], [2, 2], 3, 0),
    write([5, 2], [2, 2], 0, 0),
    write([2, 3, 7, 2], [2, 3, 1, 2], 6, 2),
    write([3, 4], [3, 4], 0, 1),
    write([6], [2], 2, 0),
  ]
}

function topKCases(dtype: DType): GraphCase[] {
  const top = (name: string, x: core.HostTensor, k: number, differentiate?: readonly string[]): GraphCase => ({
    name,
    feeds: { x },
    tolerance: EXACT,
    differentiate,
    build: (y) => {
      const { values, indices } = core.topK(y, k)
      return [values, indices]
    },
  })
  return [
    top('topK 3 of (2,7)', spread(dtype, [2, 7], 11), 3),
    top('topK of all', spread(dtype, [5], 12), 5),
    top('topK 1 of (2,3,4)', spread(dtype, [2, 3, 4], 13), 1),
    top('topK with ties takes the lowest index', hostTensor(dtype, [2, 5], [1, 3, 3, 2, 3, 0, 0, 0, 0, 0]), 4, []),
    top(
      'topK beside infinities',
      hostTensor(dtype, [3, 4], [-INF, 0, INF, 2, INF, INF, -INF, 5, -INF, -INF, -INF, -INF]),
      4,
      [],
    ),
  ]
}

function gather(
  name: string,
  dtype: DType,
  shape: Shape,
  picked: Shape,
  indices: readonly number[],
  apply: (x: Tensor, i: Tensor) => Tensor,
): GraphCase {
  return {
    name,
    feeds: { x: spread(dtype, shape, 14), i: hostTensor('i32', picked, indices) },
    tolerance: EXACT,
    build: (x, i) => [apply(x, i)],
  }
}
