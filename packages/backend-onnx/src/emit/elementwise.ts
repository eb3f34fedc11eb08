/**
 * Ops that work element by element. Broadcasting is left to ONNX, so a repeated operand is never materialised. Where ONNX Runtime
 * has no kernel for a type, the values go through a wider one.
 */
import type { BinaryFn, CompareFn, DType, Tensor, UnaryFn } from '@espalier/core'
import { EspalierError, filledWith } from '@espalier/core'
import type { EmitOp } from './emit-op.js'
import { type Emitter, held, ints, type Value } from './emitter.js'

type Named = Exclude<UnaryFn, 'rsqrt'>
const unaryNames: { readonly [F in Named]: string } = {
  neg: 'Neg',
  abs: 'Abs',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  reciprocal: 'Reciprocal',
  sin: 'Sin',
  cos: 'Cos',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  erf: 'Erf',
  floor: 'Floor',
  round: 'Round',
  sign: 'Sign',
  not: 'Not',
}

/** `unary`. */
export const emitUnary: EmitOp<'unary'> = (e, node, [x]) => {
  const y = node.outputs[0] as Tensor
  const { fn } = node.attrs
  if (fn === 'erf' && x.dtype === 'f64') {
    throw new EspalierError('backend.unsupported', {
      what: 'ONNX Runtime has no erf in f64',
      got: { backend: 'onnx', op: 'erf' },
      fix: 'Use f32 here.',
    })
  }
  const { name, shape } = e.value(x)
  const result = fn === 'rsqrt' ? e.one('Reciprocal', [e.one('Sqrt', [name])]) : e.one(unaryNames[fn], [name])
  e.set(y, e.rounded(result, y.dtype), shape)
}

/** `binary`. */
export const emitBinary: EmitOp<'binary'> = (e, node, [a, b]) => {
  const y = node.outputs[0] as Tensor
  const operands = e.aligned([a, b], y)
  const [p, q] = operands as [Value, Value]
  const result =
    y.dtype === 'bool'
      ? logical(e, node.attrs.fn, p.name, q.name)
      : arithmetic(e, node.attrs.fn, y.dtype, p.name, q.name, b)
  e.setBroadcast(y, e.rounded(result, y.dtype), operands)
}

/** `compare`. */
export const emitCompare: EmitOp<'compare'> = (e, node, [a, b]) => {
  const y = node.outputs[0] as Tensor
  const operands = e.aligned([a, b], y)
  const wide = comparable(a.dtype)
  const [p, q] = operands.map(({ name }) => (wide === undefined ? name : e.cast(name, wide)))
  e.setBroadcast(y, e.one(compareNames[node.attrs.fn], [p as string, q as string]), operands)
}

const compareNames: { readonly [F in CompareFn]: string } = { equal: 'Equal', less: 'Less', lessEqual: 'LessOrEqual' }

/** `select`. */
export const emitSelect: EmitOp<'select'> = (e, node, inputs) => {
  const y = node.outputs[0] as Tensor
  const operands = e.aligned(inputs, y)
  const [condition, a, b] = operands.map(({ name }) => name) as [string, string, string]
  // Where has kernels for these types only; the others pass through one that keeps their bits or values.
  const via = ({ u32: 'i32', i8: 'i32', bool: 'u8' } as const)[y.dtype as 'u32' | 'i8' | 'bool']
  const result =
    via === undefined
      ? e.one('Where', [condition, a, b])
      : e.cast(e.one('Where', [condition, e.cast(a, via), e.cast(b, via)]), held(y.dtype))
  e.setBroadcast(y, result, operands)
}

/** `cast`. */
export const emitCast: EmitOp<'cast'> = (e, node, [x]) => {
  const y = node.outputs[0] as Tensor
  const { name, shape } = e.value(x)
  e.set(y, convert(e, name, x.dtype, y.dtype), shape)
}

const INTEGERS: ReadonlySet<DType> = new Set(['i32', 'u32', 'u8', 'i8'])

function convert(e: Emitter, name: string, from: DType, to: DType): string {
  if (to === 'f16' || to === 'bf16') {
    return e.rounded(held(from) === 'f32' ? name : e.cast(name, 'f32'), to)
  }
  if (held(from) === held(to)) return name
  // A float goes to a whole number by way of i64: out of the narrow range the conversion of C++ is not defined, and ours wraps.
  if (INTEGERS.has(to) && (held(from) === 'f32' || from === 'f64')) return e.cast(e.cast(name, 'i64'), held(to))
  return e.cast(name, held(to))
}

const arithmeticNames: { readonly [F in BinaryFn]?: string } = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  pow: 'Pow',
  max: 'Max',
  min: 'Min',
}
const bitwiseNames: { readonly [F in BinaryFn]?: string } = { and: 'BitwiseAnd', or: 'BitwiseOr', xor: 'BitwiseXor' }
const WRAPPING: ReadonlySet<BinaryFn> = new Set(['add', 'sub', 'mul'])

function arithmetic(e: Emitter, fn: BinaryFn, dtype: DType, a: string, b: string, divisor: Tensor): string {
  const bitwise = bitwiseNames[fn]
  if (bitwise !== undefined) return e.one(bitwise, [a, b])
  if (fn === 'shiftLeft' || fn === 'shiftRight') {
    const within = e.one('BitwiseAnd', [b, e.scalar('u32', 31)]) // amounts count modulo 32
    return e.one('BitShift', [a, within], { direction: { string: fn === 'shiftLeft' ? 'LEFT' : 'RIGHT' } })
  }
  if (dtype === 'u32' && WRAPPING.has(fn)) {
    // The low 32 bits of sums and products do not depend on the sign.
    return e.cast(e.one(arithmeticNames[fn] as string, [e.cast(a, 'i32'), e.cast(b, 'i32')]), 'u32')
  }
  if ((dtype === 'i32' || dtype === 'u32') && (fn === 'div' || fn === 'rem'))
    return integerDivision(e, fn, dtype, a, b, divisor)
  if (dtype === 'u32') return e.cast(e.one(arithmeticNames[fn] as string, [e.cast(a, 'i64'), e.cast(b, 'i64')]), 'u32')
  if (fn === 'rem') return e.one('Mod', [a, b], ints({ fmod: 1 }))
  return e.one(arithmeticNames[fn] as string, [a, b])
}

// In 64 bits nothing overflows; a divisor of 0, which would end the process, becomes 1 and the result 0.
function integerDivision(e: Emitter, fn: 'div' | 'rem', dtype: DType, a: string, b: string, divisor: Tensor): string {
  const [p, q] = [e.cast(a, 'i64'), e.cast(b, 'i64')]
  const apply = (by: string) => (fn === 'div' ? e.one('Div', [p, by]) : e.one('Mod', [p, by], ints({ fmod: 1 })))
  const fixed = filledWith(divisor)
  if (fixed !== undefined && fixed !== 0) return e.cast(apply(q), held(dtype))
  const zero = e.one('Equal', [q, e.scalar('i64', 0)])
  const safe = e.one('Where', [zero, e.scalar('i64', 1), q])
  return e.cast(e.one('Where', [zero, e.scalar('i64', 0), apply(safe)]), held(dtype))
}

function logical(e: Emitter, fn: BinaryFn, a: string, b: string): string {
  return e.one(fn === 'and' ? 'And' : fn === 'or' ? 'Or' : 'Xor', [a, b])
}

function comparable(dtype: DType): 'i32' | 'i64' | undefined {
  if (dtype === 'u32') return 'i64'
  return dtype === 'u8' || dtype === 'i8' || dtype === 'bool' ? 'i32' : undefined
}
