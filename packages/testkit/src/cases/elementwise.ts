/** Cases of element-wise ops on floats: every function, every kind of broadcasting, ties. */
import * as core from '@espalier/core'
import { type DType, hostTensor, type Shape, type Tensor } from '@espalier/core'
import { EXACT } from '../compare.js'
import { type GraphCase, spread } from '../graph-case.js'

type Unary = (x: Tensor) => Tensor
type Binary = (a: Tensor, b: Tensor) => Tensor

// Each function with a range in which it is defined and smooth.
const smooth: readonly (readonly [string, Unary, number, number])[] = [
  ['neg', core.neg, -2, 2],
  ['abs', core.abs, -2, 2.1],
  ['exp', core.exp, -3, 2],
  ['log', core.log, 0.1, 4],
  ['sqrt', core.sqrt, 0.1, 4],
  ['rsqrt', core.rsqrt, 0.2, 4],
  ['reciprocal', core.reciprocal, 0.3, 3],
  ['sin', core.sin, -3, 3],
  ['cos', core.cos, -3, 3],
  ['tanh', core.tanh, -3, 3],
  ['sigmoid', core.sigmoid, -6, 6],
  ['erf', core.erf, -3, 3],
  ['floor', core.floor, -2.3, 2.9],
  ['round', core.round, -2.3, 2.9],
  ['sign', core.sign, -2, 2.1],
]

const binary: readonly (readonly [string, Binary, number, number])[] = [
  ['add', core.add, -2, 2],
  ['sub', core.sub, -2, 2],
  ['mul', core.mul, -2, 2],
  ['div', core.div, 0.4, 3],
  ['pow', core.pow, 0.3, 2],
  ['max', core.max, -2, 2],
  ['min', core.min, -2, 2],
  ['rem', core.rem, 0.37, 2],
]

const shapes: readonly (readonly [Shape, Shape])[] = [
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 7], [7]],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [1, 5, 1],
    [2, 1, 3],
  ],
  [[1], [1, 1]],
]

/** Element-wise cases on one float dtype. */
export function elementwiseCases(dtype: DType): GraphCase[] {
  return [
    ...smooth.flatMap(([name, apply, low, high]) => [
      {
        name: `${name} (3,5)`,
        feeds: { x: spread(dtype, [3, 5], 1, low, high) },
        build: (x: Tensor) => [apply(x)],
      },
    ]),
    ...binary.flatMap(([name, apply, low, high]) =>
      shapes.map(([a, b]) => ({
        name: `${name} ${text(a)} with ${text(b)}`,
        feeds: { a: spread(dtype, a, 2, low, high), b: spread(dtype, b, 3, low, high + 0.1) },
        build: (a: Tensor, b: Tensor) => [apply(a, b)],
      })),
    ),
    ...specialCases(dtype),
  ]
}

function specialCases(dtype: DType): GraphCase[] {
  const halves = hostTensor(dtype, [9], [-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, -0.75, 0.75])
  const ties = hostTensor(dtype, [5], [1, 2, 3, 4, 5])
  const other = hostTensor(dtype, [5], [1, 3, 3, 2, 5])
  return [
    {
      name: 'round, floor, sign and abs of halves and 0',
      feeds: { x: halves },
      differentiate: [],
      tolerance: EXACT,
      build: (x) => [core.round(x), core.floor(x), core.sign(x), core.abs(x)],
    },
    nanCase(dtype),
    {
      name: 'iota, and casts to whole numbers, to bool and back',
      feeds: { x: hostTensor(dtype, [6], [0, 1, -1.75, 2.5, 100.5, -0.5]) },
      differentiate: [],
      tolerance: EXACT,
      build: (x) => [
        core.iota([3, 2], 0, dtype),
        core.cast(x, 'i32'),
        core.cast(core.cast(x, 'i32'), dtype),
        core.cast(core.cast(core.abs(x), 'u32'), dtype),
        core.cast(x, 'bool'),
        core.cast(core.cast(x, 'bool'), dtype),
      ],
    },
    {
      name: 'max with ties gives each side half',
      feeds: { a: ties, b: other },
      build: (a, b) => [core.max(a, b)],
    },
    {
      name: 'min with ties gives each side half',
      feeds: { a: ties, b: other },
      build: (a, b) => [core.min(a, b)],
    },
    {
      name: 'sigmoid, tanh and erf far from 0',
      feeds: { x: hostTensor(dtype, [6], [-80, -20, -9, 9, 20, 80]) },
      differentiate: [],
      build: (x) => [core.sigmoid(x), core.tanh(x), core.erf(x)],
    },
    {
      name: 'rem has the sign of the dividend',
      feeds: { a: hostTensor(dtype, [4], [5.5, -5.5, 5.5, -5.5]), b: hostTensor(dtype, [4], [2, 2, -2, -2]) },
      differentiate: [],
      tolerance: EXACT,
      build: (a, b) => [core.rem(a, b)],
    },
    {
      name: 'rem by a negative',
      feeds: { a: spread(dtype, [7], 4, -6, 6), b: hostTensor(dtype, [7], [-2, -2, -2, 2, 2, 3, -3]) },
      build: (a, b) => [core.rem(a, b)],
    },
    {
      name: 'pow with whole exponents of negative numbers',
      feeds: { a: spread(dtype, [7], 5, -2, 2), b: hostTensor(dtype, [7], [0, 1, 2, 3, 2, 3, 0]) },
      differentiate: ['a'],
      build: (a, b) => [core.pow(a, b)],
    },
    {
      name: 'numbers stand for constants on either side',
      feeds: { x: spread(dtype, [4], 6) },
      build: (x) => [core.sub(1, x), core.mul(x, 0.5), core.div(3, core.add(x, 4))],
    },
    {
      name: 'one tensor on both sides',
      feeds: { x: spread(dtype, [5], 7, 0.5, 2) },
      build: (x) => [core.mul(x, x), core.div(x, x), core.pow(x, x)],
    },
    {
      name: 'select (2,3) by (3), values (2,1) and scalar',
      feeds: { x: spread(dtype, [2, 3], 8), a: spread(dtype, [2, 1], 9), b: spread(dtype, [], 10) },
      build: (x, a, b) => [
        core.select(core.less(core.reduceSum(x, { axes: [0] }), 0), a, b),
        core.select(core.less(x, 0), core.mul(x, x), 1),
      ],
    },
    {
      name: 'compare in every way',
      feeds: { a: ties, b: other, column: hostTensor(dtype, [3, 1], [1, 3, 4]) },
      differentiate: [],
      build: (a, b, column) =>
        [core.equal, core.notEqual, core.less, core.lessEqual, core.greater, core.greaterEqual].flatMap((f) => [
          f(a, b),
          f(column, b),
        ]),
    },
  ]
}

// Kernels that compare drop a NaN, each in its own place; lanes of vectors and what is left over at the end may differ.
function nanCase(dtype: DType): GraphCase {
  const values = (seed: number, every: number) => {
    const { data } = spread('f32', [5, 7], seed)
    return hostTensor(
      dtype,
      [5, 7],
      Array.from(data, (value, i) => (i % every === 0 ? Number.NaN : value)),
    )
  }
  return {
    name: 'sign, max and min keep NaN, of either side',
    feeds: { a: values(11, 3), b: values(12, 4) },
    differentiate: [],
    hasNaN: true,
    tolerance: EXACT,
    build: (a, b) => [
      core.sign(a),
      ...[core.max, core.min].flatMap((pick) => [pick(a, b), pick(b, a), pick(a, 0.5), pick(0.5, a)]),
    ],
  }
}

function text(shape: Shape): string {
  return `(${shape.join(',')})`
}
