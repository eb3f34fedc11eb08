/** Cases of integers, bool, casts, counting and random bits. All are exact. */
import * as core from '@espalier/core'
import { type DType, hostTensor, type Tensor } from '@espalier/core'
import { EXACT } from '../compare.js'
import { type GraphCase, whole } from '../graph-case.js'

type Binary = (a: Tensor, b: Tensor) => Tensor

const arithmetic: Readonly<Record<string, Binary>> = {
  add: core.add,
  sub: core.sub,
  mul: core.mul,
  max: core.max,
  min: core.min,
}
const bits: Readonly<Record<string, Binary>> = { and: core.and, or: core.or, xor: core.xor }

/** Integer, bool, cast, iota and randomBits cases. */
export function integerCases(): GraphCase[] {
  const cases: Omit<GraphCase, 'tolerance'>[] = [
    ...Object.entries(arithmetic).map(([name, apply]) =>
      pair(`${name} of i32`, whole('i32', [3, 5], 1, -20, 20), whole('i32', [5], 2, -7, 7), apply),
    ),
    ...Object.entries(arithmetic)
      .filter(([name]) => name !== 'sub')
      .map(([name, apply]) =>
        pair(`${name} of u32`, whole('u32', [2, 1, 3], 3, 0, 100), whole('u32', [4, 1], 4, 1, 50), apply),
      ),
    pair(
      'sub of u32 wraps',
      hostTensor('u32', [3], [5, 0, 4294967295]),
      hostTensor('u32', [3], [7, 1, 4294967290]),
      core.sub,
    ),
    pair(
      'mul of u32 wraps',
      hostTensor('u32', [3], [0x7feb352d, 0x846ca68b, 4294967295]),
      hostTensor('u32', [3], [0x846ca68b, 0x9e3779b9, 4294967295]),
      core.mul,
    ),
    pair(
      'mul and add of i32 wrap',
      hostTensor('i32', [2], [2147483647, -2147483648]),
      hostTensor('i32', [2], [2, 3]),
      (a, b) => core.add(core.mul(a, b), b),
    ),
    pair(
      'div of i32 truncates towards 0',
      hostTensor('i32', [6], [7, -7, 7, -7, 6, 0]),
      hostTensor('i32', [6], [2, 2, -2, -2, 3, 5]),
      core.div,
    ),
    pair(
      'rem of i32 has the sign of the dividend',
      hostTensor('i32', [4], [7, -7, 7, -7]),
      hostTensor('i32', [4], [3, 3, -3, -3]),
      core.rem,
    ),
    pair(
      'div of u32 above 2^31',
      hostTensor('u32', [2], [4294967290, 3000000000]),
      hostTensor('u32', [2], [7, 2]),
      core.div,
    ),
    pair('rem of u32', hostTensor('u32', [2], [4000000007, 13]), hostTensor('u32', [2], [10, 5]), core.rem),
    ...Object.entries(bits).map(([name, apply]) =>
      pair(
        `${name} of u32`,
        whole('u32', [3, 4], 5, 0, 16),
        hostTensor('u32', [4], [3, 5, 0xf0f0f0f0, 4294967295]),
        apply,
      ),
    ),
    ...Object.entries(bits).map(([name, apply]) =>
      pair(`${name} of i32`, whole('i32', [6], 6, -3, 3), hostTensor('i32', [6], [-1, 1, 2, 3, -4, 5]), apply),
    ),
    ...Object.entries(bits).map(([name, apply]) =>
      pair(`${name} of bool`, hostTensor('bool', [4], [0, 0, 1, 1]), hostTensor('bool', [4], [0, 1, 0, 1]), apply),
    ),
    pair(
      'shiftLeft and shiftRight of u32',
      hostTensor('u32', [4], [1, 0xffffffff, 0x80000001, 7]),
      hostTensor('u32', [4], [31, 4, 1, 0]),
      (a, b) => core.add(core.shiftLeft(a, b), core.shiftRight(a, b)),
    ),
    { name: 'not of bool', feeds: { x: hostTensor('bool', [3], [0, 1, 0]) }, build: (x) => [core.not(x)] },
    {
      name: 'neg, abs and sign of i32',
      feeds: { x: hostTensor('i32', [4], [-5, 0, 7, -1]) },
      build: (x) => [core.neg(x), core.abs(x), core.sign(x)],
    },
    {
      name: 'compare u32 above 2^31',
      feeds: {
        a: hostTensor('u32', [3], [4294967295, 1, 2147483648]),
        b: hostTensor('u32', [3], [1, 4294967295, 2147483648]),
      },
      build: (a, b) => [core.less(a, b), core.lessEqual(a, b), core.equal(a, b)],
    },
    {
      name: 'compare i32',
      feeds: { a: whole('i32', [7], 7, -3, 3) },
      build: (a) => [core.less(a, 0), core.equal(a, -1), core.lessEqual(a, 1)],
    },
    {
      name: 'compare bool',
      feeds: { a: hostTensor('bool', [4], [0, 0, 1, 1]), b: hostTensor('bool', [4], [0, 1, 0, 1]) },
      build: (a, b) => [core.less(a, b), core.lessEqual(a, b), core.equal(a, b)],
    },
    ...(['i32', 'u32', 'bool'] as const).map((dtype) => ({
      name: `select of ${dtype}`,
      feeds: {
        where: hostTensor('bool', [3, 1], [1, 0, 1]),
        a: whole(dtype, [2], 8, 0, 2),
        b: whole(dtype, [3, 2], 9, 0, 2),
      },
      build: (where: Tensor, a: Tensor, b: Tensor) => [core.select(where, a, b)],
    })),
    {
      name: 'reduce of i32',
      feeds: { x: whole('i32', [3, 4], 10, -9, 9) },
      build: (x) => [
        core.reduceSum(x, { axes: [1] }),
        core.reduceMax(x),
        core.reduceMin(x, { axes: [0], keepDims: true }),
      ],
    },
    ...wideCases(),
    ...(['i32', 'u32', 'bool'] as const).map(movement),
    {
      name: 'iota along each axis',
      feeds: {},
      build: () => [
        core.iota([3, 4], 0),
        core.iota([3, 4], 1, 'u32'),
        core.iota([5], 0, 'f32'),
        core.iota([2, 1, 3], -1),
      ],
    },
    {
      name: 'constants of every dtype',
      feeds: {},
      build: () => [
        core.constant(1.5, 'f32', [2]),
        core.constant(-3, 'i32'),
        core.constant(4000000000, 'u32', [1]),
        core.constant(1, 'bool', [2, 2]),
        core.constantTensor(hostTensor('i32', [3], [5, -6, 7])),
        core.constantTensor(hostTensor('f32', [2, 2], [1, -2, 3, 0.25])),
      ],
    },
    {
      name: 'randomBits of two sites',
      feeds: {
        seed: hostTensor('u32', [], [12345]),
        index: hostTensor('u32', [2, 3], [0, 1, 2, 70000, 4294967295, 77]),
      },
      build: (seed, index) => [core.randomBits(seed, 1, index), core.randomBits(seed, 0xdeadbeef, index)],
    },
  ]
  return cases.map((one) => ({ differentiate: [], tolerance: EXACT, ...one }))
}

/** Casts between the dtypes that every op computes in. */
export function castCases(): GraphCase[] {
  const floats = hostTensor('f32', [6], [0, 1, -1.75, 2.5, 100.99, -0.5])
  const cases: Omit<GraphCase, 'tolerance'>[] = [
    { name: 'cast f32 to i32 truncates', feeds: { x: floats }, build: (x) => [core.cast(x, 'i32')] },
    {
      name: 'cast f32 to u32',
      feeds: { x: hostTensor('f32', [3], [0, 3.9, 3000000000]) },
      build: (x) => [core.cast(x, 'u32')],
    },
    { name: 'cast f32 to bool is "not 0"', feeds: { x: floats }, build: (x) => [core.cast(x, 'bool')] },
    ...(['i32', 'u32', 'bool'] as const).map((dtype) => ({
      name: `cast ${dtype} to f32`,
      feeds: { x: whole(dtype, [5], 11, dtype === 'i32' ? -3 : 0, dtype === 'bool' ? 2 : 9) },
      build: (x: Tensor) => [core.cast(x, 'f32')],
    })),
    {
      name: 'cast i32 and u32 into each other keeps the bits',
      feeds: { x: hostTensor('i32', [3], [-1, 5, -2147483648]) },
      build: (x) => [core.cast(x, 'u32'), core.cast(core.cast(x, 'u32'), 'i32')],
    },
    {
      name: 'cast i32 to bool and back',
      feeds: { x: hostTensor('i32', [4], [0, 2, -1, 256]) },
      build: (x) => [core.cast(x, 'bool'), core.cast(core.cast(x, 'bool'), 'i32')],
    },
  ]
  return cases.map((one) => ({ differentiate: [], tolerance: EXACT, ...one }))
}

/** Casts of a storage dtype (f16, bf16, u8, i8) to f32 and back. */
export function storageCases(dtype: DType): GraphCase[] {
  const values = dtype === 'u8' ? [0, 1, 200, 255] : dtype === 'i8' ? [0, 1, -128, 127] : [0, 1.5, -0.375, 1024]
  return [
    {
      name: `cast ${dtype} to f32`,
      feeds: { x: hostTensor(dtype, [4], values) },
      differentiate: [],
      tolerance: EXACT,
      build: (x) => [core.cast(x, 'f32')],
    },
    {
      name: `cast f32 to ${dtype} and back`,
      feeds: { x: hostTensor('f32', [4], values) },
      differentiate: [],
      tolerance: EXACT,
      build: (x) => [core.cast(core.cast(x, dtype), 'f32')],
    },
    {
      name: `gatherRows of ${dtype}, then cast`,
      feeds: { table: hostTensor(dtype, [4, 1], values), index: hostTensor('i32', [3], [3, 0, 3]) },
      differentiate: [],
      tolerance: EXACT,
      build: (table, index) => [core.cast(core.gatherRows(table, index), 'f32')],
    },
  ]
}

function pair(name: string, a: core.HostTensor, b: core.HostTensor, apply: Binary): Omit<GraphCase, 'tolerance'> {
  return { name, feeds: { a, b }, build: (a, b) => [apply(a, b)] }
}

// Above 2^24 not every whole number is an f32: what goes through one comes back as its neighbour.
function wideCases(): Omit<GraphCase, 'tolerance'>[] {
  const x = hostTensor('i32', [2, 3], [16777217, -16777219, 2147483647, -2147483647, 123456789, -33554435])
  const near = hostTensor('i32', [2, 3], [16777216, -16777218, 2147483646, -2147483646, 123456788, -33554434])
  return [
    ...Object.entries({ ...arithmetic, div: core.div, rem: core.rem }).map(([name, apply]) =>
      pair(`${name} of i32 above 2^24`, x, near, apply),
    ),
    {
      name: 'neg, abs, sign and reductions of i32 above 2^24',
      feeds: { x },
      build: (y) => [
        core.neg(y),
        core.abs(y),
        core.sign(y),
        core.reduceSum(y, { axes: [0] }),
        core.reduceMax(y, { axes: [1] }),
        core.reduceMin(y),
      ],
    },
    {
      name: 'compare and select i32 above 2^24',
      feeds: { x, near },
      build: (a, b) => [core.equal(a, b), core.less(b, a), core.lessEqual(a, b), core.select(core.less(b, a), a, b)],
    },
    {
      name: 'movement, constants and casts of i32 above 2^24',
      feeds: { x, index: hostTensor('i32', [2], [1, 0]) },
      build: (y, index) => [
        core.pad(y, [1, 0], [0, 1], 16777219),
        core.add(core.slice(y, [0, 1], [2, 3]), core.constant(33554433, 'i32')),
        core.add(y, core.constantTensor(hostTensor('i32', [3], [16777217, -16777217, -1]))),
        core.gatherRows(y, index),
        core.gatherAlong(y, core.reshape(index, [2, 1]), 1),
        core.writeRows(y, core.constant(1, 'i32'), core.slice(y, [0, 0], [1, 3]), 0),
        core.cast(y, 'u32'),
        core.cast(y, 'bool'),
      ],
    },
  ]
}

function movement(dtype: DType): Omit<GraphCase, 'tolerance'> {
  return {
    name: `movement and gathers of ${dtype}`,
    feeds: { x: whole(dtype, [2, 3, 4], 12, 0, dtype === 'bool' ? 2 : 24), index: hostTensor('i32', [2], [1, 0]) },
    build: (x, index) => [
      core.reshape(x, [4, 6]),
      core.permute(x, [2, 0, 1]),
      core.broadcast(core.sliceAxis(x, 0, 1, 2), [3, 3, 4]),
      core.slice(x, [0, 1, 1], [2, 3, 3]),
      core.pad(x, [1, 0, 2], [0, 1, 0], 1),
      core.concat([x, core.sliceAxis(x, 1, 0, 1)], 1),
      core.gatherRows(x, index),
      core.gatherAlong(x, core.broadcast(core.reshape(index, [2, 1, 1]), [2, 1, 4]), 1),
      core.writeRows(x, core.constant(1, 'i32'), core.sliceAxis(x, 1, 0, 2), 1),
      ...core.barrier([x, index], [core.iota([2], 0)]),
      ...(dtype === 'bool' ? [] : [core.scatterAddRows(core.constantTensor(hostTensor('i32', [2], [2, 2])), x, 3)]),
    ],
  }
}
