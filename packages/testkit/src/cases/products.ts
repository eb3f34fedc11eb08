/** Cases of matrix products and reductions, and of shapes that trip kernels: nothing in them, one thing, a prime, very many. */
import * as core from '@espalier/core'
import { type DType, hostTensor, type ReduceOptions, type Shape, type Tensor } from '@espalier/core'
import { EXACT } from '../compare.js'
import { type GraphCase, spread } from '../graph-case.js'

/** Matrix products: every pair of transpose flags on several shapes, broadcast batches. */
export function matmulCases(dtype: DType): GraphCase[] {
  const flags = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const
  const sizes: readonly (readonly [Shape, Shape, number, number, number])[] = [
    [[], [], 3, 5, 2],
    [[], [], 1, 1, 1],
    [[], [], 7, 11, 5],
    [[], [], 4, 4, 4],
    [[2, 1], [3], 2, 3, 2],
    [[3], [], 2, 4, 3],
    [[], [2], 3, 2, 1],
  ]
  return sizes.flatMap(([batchA, batchB, m, k, n]) =>
    flags.map(([transposeA, transposeB]): GraphCase => {
      const a = [...batchA, ...(transposeA ? [k, m] : [m, k])]
      const b = [...batchB, ...(transposeB ? [n, k] : [k, n])]
      return {
        name: `matmul ${transposeA ? 'transposed ' : ''}(${a}) x ${transposeB ? 'transposed ' : ''}(${b})`,
        feeds: { a: spread(dtype, a, 1), b: spread(dtype, b, 2) },
        build: (x, y) => [core.matmul(x, y, { transposeA, transposeB })],
      }
    }),
  )
}

/** Reductions along every kind of axes, with ties. */
export function reduceCases(dtype: DType): GraphCase[] {
  const functions: Readonly<Record<string, (x: Tensor, options?: ReduceOptions) => Tensor>> = {
    sum: core.reduceSum,
    max: core.reduceMax,
    min: core.reduceMin,
    mean: core.reduceMean,
  }
  const axes: readonly (readonly number[] | undefined)[] = [undefined, [0], [-1], [0, 2], [1]]
  return [
    ...Object.entries(functions).flatMap(([name, apply]) =>
      axes.map(
        (along): GraphCase => ({
          name: `reduce ${name} (3,2,5) along ${along ?? 'all'}`,
          // Not symmetric about 0: a total of 0 would leave nothing to be relative to.
          feeds: { x: spread(dtype, [3, 2, 5], 3, -1.3, 2) },
          build: (x) => [apply(x, { axes: along }), apply(x, { axes: along, keepDims: true })],
        }),
      ),
    ),
    {
      name: 'reduce max and min share the cotangent among two equal entries',
      feeds: { x: hostTensor(dtype, [2, 4], [1, 3, 3, 2, -1, -1, 5, 5]) },
      build: (x) => [core.reduceMax(x, { axes: [1] }), core.reduceMin(core.sliceAxis(x, 0, 1, 2))],
    },
    {
      name: 'reduce of one element',
      feeds: { x: spread(dtype, [1, 1], 4) },
      build: (x) => [core.reduceSum(x), core.reduceMax(x, { axes: [0] })],
    },
  ]
}

/** Tensors without elements. */
export function emptyCases(dtype: DType): GraphCase[] {
  const none = (shape: Shape) => hostTensor(dtype, shape)
  const cases: GraphCase[] = [
    {
      name: 'add of nothing',
      feeds: { a: none([0, 3]), b: spread(dtype, [3], 5) },
      build: (a, b) => [core.add(a, b)],
    },
    { name: 'exp of nothing', feeds: { a: none([2, 0]) }, build: (a) => [core.exp(a)] },
    {
      name: 'matmul without rows',
      feeds: { a: none([0, 3]), b: spread(dtype, [3, 2], 6) },
      build: (a, b) => [core.matmul(a, b)],
    },
    {
      name: 'matmul over an inner size of 0 gives zeros',
      feeds: { a: none([2, 0]), b: none([0, 3]) },
      build: (a, b) => [core.matmul(a, b)],
    },
    {
      name: 'sum over nothing is 0',
      feeds: { a: none([2, 0]) },
      build: (a) => [core.reduceSum(a, { axes: [1] }), core.reduceSum(a)],
    },
    {
      name: 'concat, slice, reshape and permute of nothing',
      feeds: { a: none([0, 3]), b: spread(dtype, [2, 3], 7) },
      build: (a, b) => [
        core.concat([a, b], 0),
        core.slice(b, [1, 0], [1, 3]),
        core.reshape(a, [3, 0]),
        core.permute(a, [1, 0]),
      ],
    },
    {
      name: 'gatherRows and scatterAddRows of no rows',
      feeds: { table: spread(dtype, [4, 2], 8), index: hostTensor('i32', [0]), rows: none([0, 2]) },
      build: (table, index, rows) => [core.gatherRows(table, index), core.scatterAddRows(index, rows, 3)],
    },
    {
      name: 'writeRows of no rows',
      feeds: { buffer: spread(dtype, [3, 2], 9), rows: none([0, 2]), start: hostTensor('i32', [], [3]) },
      build: (buffer, rows, start) => [core.writeRows(buffer, start, rows, 0)],
    },
  ]
  return cases.map((one) => ({ tolerance: EXACT, ...one }))
}

/** Tensors longer than 65,535 along one axis: a common limit of grids. Values are small whole numbers over 8, so that sums are exact. */
export function largeCases(dtype: DType): GraphCase[] {
  const rows = 70_000
  const eighths = (shape: Shape, seed: number) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return hostTensor(
      dtype,
      shape,
      Array.from({ length: size }, (_, i) => ((i * 7 + seed) % 17) / 8 - 1),
    )
  }
  const picked = hostTensor('i32', [5], [0, 69_999, 65_535, 65_536, 3])
  const every = hostTensor(
    'i32',
    [rows],
    Int32Array.from({ length: rows }, (_, i) => i % 5),
  )
  const cases: GraphCase[] = [
    {
      name: 'element-wise on (70000,3) with (3)',
      feeds: { a: eighths([rows, 3], 1), b: eighths([3], 2) },
      build: (a, b) => [core.mul(a, b)],
    },
    {
      name: 'reduce (70000,3) along each axis',
      feeds: { a: eighths([rows, 3], 3) },
      build: (a) => [core.reduceSum(a, { axes: [0] }), core.reduceSum(a, { axes: [1] }), core.reduceMax(a)],
    },
    {
      name: 'matmul (70000,2) x (2,3)',
      feeds: { a: eighths([rows, 2], 4), b: eighths([2, 3], 5) },
      differentiate: ['a'],
      build: (a, b) => [core.matmul(a, b)],
    },
    {
      name: 'matmul (2,70000) x (70000,3)',
      feeds: { a: eighths([2, rows], 6), b: eighths([rows, 3], 7) },
      differentiate: ['b'],
      build: (a, b) => [core.matmul(a, b)],
    },
    {
      name: 'matmul of 70000 small ones',
      feeds: { a: eighths([rows, 1, 2], 8), b: eighths([rows, 2, 1], 9) },
      build: (a, b) => [core.matmul(a, b)],
    },
    {
      name: 'gatherRows from 70000 rows',
      feeds: { x: eighths([rows, 2], 10), i: picked },
      differentiate: [],
      build: (x, i) => [core.gatherRows(x, i)],
    },
    {
      name: 'scatterAddRows of 70000 rows',
      feeds: { x: eighths([rows, 2], 11), i: every },
      build: (x, i) => [core.scatterAddRows(i, x, 5)],
    },
    { name: 'permute (70000,3)', feeds: { x: eighths([rows, 3], 12) }, build: (x) => [core.permute(x, [1, 0])] },
  ]
  return cases.map((one) => ({ ...one, differentiate: one.differentiate ?? [] }))
}
