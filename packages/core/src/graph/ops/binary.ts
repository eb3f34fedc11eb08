/** Functions of two tensors, element by element, broadcast by NumPy's rule. A number stands for a constant of the other side's dtype. */
import { EspalierError } from '../../errors.js'
import { broadcastShapes } from '../../shape.js'
import type { BinaryFn } from '../op-attrs.js'
import { applySingle, at, FLOATS, INTEGERS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { constant } from './constant.js'
import { forEachPair } from './pairs.js'

/** Each function's meaning; integer results wrap when they are stored. */
export const binaryFns: { readonly [F in BinaryFn]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  rem: (a, b) => a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shiftLeft: (a, b) => a << b,
  shiftRight: (a, b) => a >>> b,
}

const bitwise: ReadonlySet<BinaryFn> = new Set(['and', 'or', 'xor'])

/** Definition of `binary`. Integer division truncates towards zero. The larger and the smaller of two are NaN where either is. */
export const binaryRule: OpRule<'binary'> = {
  infer([a, b], { fn }) {
    if (a === undefined || b === undefined) throw new EspalierError('graph.invalid', { what: `${fn} needs two inputs` })
    if (a.dtype !== b.dtype) {
      throw new EspalierError('dtype.mismatch', {
        what: `${fn} needs two tensors of one dtype`,
        got: { a: a.dtype, b: b.dtype },
      })
    }
    if (bitwise.has(fn)) requireDType(a.dtype, [...INTEGERS, 'bool'], fn)
    else if (fn === 'shiftLeft' || fn === 'shiftRight') requireDType(a.dtype, ['u32'], fn)
    else if (fn === 'pow') requireDType(a.dtype, FLOATS, fn)
    else requireDType(a.dtype, [...FLOATS, ...INTEGERS], fn)
    return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape, fn) }]
  },
  reference(node, inputs, [y]) {
    const [a, b] = [at(inputs, 0), at(inputs, 1)]
    const { dtype } = at(node.outputs, 0)
    const integer = dtype === 'i32' || dtype === 'u32'
    const { fn } = node.attrs
    const apply =
      integer && fn === 'mul'
        ? Math.imul
        : integer && fn === 'div'
          ? (p: number, q: number) => Math.trunc(p / q)
          : binaryFns[fn]
    if (y !== undefined)
      forEachPair(node, (i, j, k) => {
        y[k] = apply(a[i] as number, b[j] as number)
      })
  },
}

/** A tensor, or a number that stands for a constant. */
export type Operand = Tensor | number

function binary(fn: BinaryFn) {
  /** At least one side is a tensor. */
  function apply(a: Tensor, b: Operand): Tensor
  function apply(a: Operand, b: Tensor): Tensor
  function apply(a: Operand, b: Operand): Tensor {
    const [left, right] = operands(a, b)
    return applySingle('binary', binaryRule, [left, right], { fn })
  }
  return apply
}

/** Both sides as tensors: a number becomes a constant of the other side's dtype. */
export function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a !== 'number') return [a, typeof b === 'number' ? constant(b, a.dtype) : b]
  if (typeof b !== 'number') return [constant(a, b.dtype), b]
  return [constant(a), constant(b)]
}

/** a + b. */
export const add = binary('add')
/** a - b. */
export const sub = binary('sub')
/** a * b. */
export const mul = binary('mul')
/** a / b. */
export const div = binary('div')
/** a to the power b. */
export const pow = binary('pow')
/** The larger of two. */
export const max = binary('max')
/** The smaller of two. */
export const min = binary('min')
/** Remainder of a / b with the sign of a. */
export const rem = binary('rem')
/** Bitwise or logical and. */
export const and = binary('and')
/** Bitwise or logical or. */
export const or = binary('or')
/** Bitwise or logical exclusive or. */
export const xor = binary('xor')
/** u32 shifted left. */
export const shiftLeft = binary('shiftLeft')
/** u32 shifted right, zeros in. */
export const shiftRight = binary('shiftRight')
