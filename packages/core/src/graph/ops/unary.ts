/** Functions of one tensor, element by element. */
import { EspalierError } from '../../errors.js'
import type { UnaryFn } from '../op-attrs.js'
import { applySingle, at, FLOATS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { erf as erfValue } from './erf.js'

/** Each function's meaning. */
export const unaryFns: { readonly [F in UnaryFn]: (x: number) => number } = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  erf: erfValue,
  floor: Math.floor,
  round: roundHalfEven,
  sign: Math.sign,
  not: (x) => (x === 0 ? 1 : 0),
}

const anyNumber: ReadonlySet<UnaryFn> = new Set(['neg', 'abs', 'sign'])

/** Definition of `unary`. */
export const unaryRule: OpRule<'unary'> = {
  infer([x], { fn }) {
    if (x === undefined) throw new EspalierError('graph.invalid', { what: 'unary needs one input' })
    requireDType(x.dtype, fn === 'not' ? ['bool'] : anyNumber.has(fn) ? [...FLOATS, 'i32'] : FLOATS, fn)
    return [{ dtype: x.dtype, shape: x.shape }]
  },
  reference(node, inputs, [y]) {
    const x = at(inputs, 0)
    const fn = unaryFns[node.attrs.fn]
    if (y !== undefined) for (let i = 0; i < y.length; i++) y[i] = fn(x[i] as number)
  },
}

function unary(fn: UnaryFn): (x: Tensor) => Tensor {
  return (x) => applySingle('unary', unaryRule, [x], { fn })
}

/** Negative. */
export const neg = unary('neg')
/** Magnitude. */
export const abs = unary('abs')
/** e to the x. */
export const exp = unary('exp')
/** Natural logarithm. */
export const log = unary('log')
/** Square root. */
export const sqrt = unary('sqrt')
/** 1 / square root. */
export const rsqrt = unary('rsqrt')
/** 1 / x. */
export const reciprocal = unary('reciprocal')
/** Sine of radians. */
export const sin = unary('sin')
/** Cosine of radians. */
export const cos = unary('cos')
/** Hyperbolic tangent. */
export const tanh = unary('tanh')
/** 1 / (1 + e^-x). */
export const sigmoid = unary('sigmoid')
/** Gauss error function. */
export const erf = unary('erf')
/** Largest whole number not above x. */
export const floor = unary('floor')
/** Nearest whole number, halves to even. */
export const round = unary('round')
/** -1, 0 or 1. */
export const sign = unary('sign')
/** Logical not of a bool tensor. */
export const not = unary('not')

function roundHalfEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  if (rest !== 0.5) return Math.round(x)
  return low % 2 === 0 ? low : low + 1
}
