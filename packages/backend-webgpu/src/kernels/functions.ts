/** Functions of one or two numbers as WGSL expressions, exact where WGSL leaves drivers room. */
import type { BinaryFn, CompareFn, DType, UnaryFn } from '@espalier/core'
import { encoded, registerOf } from './wgsl.js'

/** An expression, and the functions that it calls. */
export interface Expression {
  readonly code: string
  readonly needs?: readonly string[]
}

// `v != v` is optimised away by drivers, which may take it that no number is NaN.
const IS_NAN = `fn isNan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }`

// Above 15 the quotient is 1 in f32; some drivers overflow there. Near 0 the quotient loses digits: five terms of the series do not.
const TANH = `fn tanhOf(x: f32) -> f32 {
  let s = x * x;
  if (s < 0.0625) { return x * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.053968254 + s * 0.021869488)))); }
  return sign(x) * (1.0 - 2.0 / (exp(2.0 * min(abs(x), 15.0)) + 1.0));
}`

const SIGMOID = `fn sigmoidOf(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}`

// Abramowitz and Stegun 7.1.26 (error below 1.5e-7); below a half the Maclaurin series 7.1.6, which keeps the digits of small results.
const ERF = `fn erfOf(x: f32) -> f32 {
  let s = x * x;
  if (s < 0.25) {
    return 1.1283792 * x * (1.0 + s * (-0.33333333 + s * (0.1 + s * (-0.023809524 + s * (0.0046296296 - s * 0.00075757576)))));
  }
  let z = min(abs(x), 6.0);
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-z * z));
}`

// Drivers promise 2^-11 within a turn and nothing beyond. The nearest multiple of a quarter turn is taken away in three parts, of which
// the first two are exact up to 2^16 quarters; then Taylor's series up to x^9 and x^8, within an eighth of a turn.
const CIRCULAR = `fn circular(x: f32, quarters: u32) -> f32 {
  let k = round(x * 0.63661977);
  let r = ((x - k * 1.5703125) - k * 0.00048375129699707) - k * 0.000000075497899548;
  let s = r * r;
  let sine = r * (1.0 + s * (-0.16666667 + s * (0.0083333333 + s * (-0.00019841270 + s * 0.0000027557319))));
  let cosine = 1.0 + s * (-0.5 + s * (0.041666667 + s * (-0.0013888889 + s * 0.000024801587)));
  let quarter = (u32(i32(k)) + quarters) & 3u;
  let value = select(sine, cosine, (quarter & 1u) == 1u);
  return select(value, -value, quarter >= 2u);
}`

// WGSL knows powers of positive numbers only.
const POW = `fn powOf(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  let p = pow(abs(a), b);
  if (a >= 0.0) { return p; }
  let isOdd = abs(b - 2.0 * floor(b * 0.5)) == 1.0;
  return select(p + (a - a) / (a - a), select(p, -p, isOdd), b == floor(b));
}`

// The quotient may be off by one where a division is not exact.
const REM = `fn remOf(a: f32, b: f32) -> f32 {
  let m = abs(b);
  var r = abs(a) - m * floor(abs(a) / m);
  if (r < 0.0) { r += m; }
  if (r >= m) { r -= m; }
  return select(r, -r, a < 0.0);
}`

/** `mix32` of core's random.ts. */
export const MIX = `fn mix32(v: u32) -> u32 {
  var x = (v ^ (v >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}`

const unary: { readonly [F in UnaryFn]: (x: string, dtype: DType) => Expression } = {
  neg: (x) => ({ code: `-${x}` }),
  abs: (x) => ({ code: `abs(${x})` }),
  exp: (x) => ({ code: `exp(${x})` }),
  log: (x) => ({ code: `log(${x})` }),
  sqrt: (x) => ({ code: `sqrt(${x})` }),
  rsqrt: (x) => ({ code: `inverseSqrt(${x})` }),
  reciprocal: (x) => ({ code: `1.0 / ${x}` }),
  sin: (x) => ({ code: `circular(${x}, 0u)`, needs: [CIRCULAR] }),
  cos: (x) => ({ code: `circular(${x}, 1u)`, needs: [CIRCULAR] }),
  tanh: (x) => ({ code: `tanhOf(${x})`, needs: [TANH] }),
  sigmoid: (x) => ({ code: `sigmoidOf(${x})`, needs: [SIGMOID] }),
  erf: (x) => ({ code: `erfOf(${x})`, needs: [ERF] }),
  floor: (x) => ({ code: `floor(${x})` }),
  round: (x) => ({ code: `round(${x})` }),
  sign: (x, dtype) =>
    registerOf(dtype) === 'f32'
      ? { code: `select(sign(${x}), ${x}, isNan(${x}))`, needs: [IS_NAN] }
      : { code: `sign(${x})` },
  not: (x) => ({ code: `1u - ${x}` }),
}

const binary: { readonly [F in BinaryFn]: (a: string, b: string, dtype: DType) => Expression } = {
  add: (a, b) => ({ code: `${a} + ${b}` }),
  sub: (a, b) => ({ code: `${a} - ${b}` }),
  mul: (a, b) => ({ code: `${a} * ${b}` }),
  div: (a, b) => ({ code: `${a} / ${b}` }),
  pow: (a, b) => ({ code: `powOf(${a}, ${b})`, needs: [POW] }),
  max: (a, b, dtype) => extreme('max', a, b, dtype),
  min: (a, b, dtype) => extreme('min', a, b, dtype),
  rem: (a, b, dtype) =>
    registerOf(dtype) === 'f32' ? { code: `remOf(${a}, ${b})`, needs: [REM] } : { code: `${a} % ${b}` },
  and: (a, b) => ({ code: `${a} & ${b}` }),
  or: (a, b) => ({ code: `${a} | ${b}` }),
  xor: (a, b) => ({ code: `${a} ^ ${b}` }),
  shiftLeft: (a, b) => ({ code: `${a} << (${b} & 31u)` }),
  shiftRight: (a, b) => ({ code: `${a} >> (${b} & 31u)` }),
}

function extreme(fn: 'max' | 'min', a: string, b: string, dtype: DType): Expression {
  if (registerOf(dtype) !== 'f32') return { code: `${fn}(${a}, ${b})` }
  return { code: `select(${fn}(${a}, ${b}), ${a} + ${b}, isNan(${a}) || isNan(${b}))`, needs: [IS_NAN] }
}

/** A function of one number. */
export function unaryExpression(fn: UnaryFn, x: string, dtype: DType): Expression {
  return unary[fn](x, dtype)
}

/** A function of two numbers of one dtype. */
export function binaryExpression(fn: BinaryFn, a: string, b: string, dtype: DType): Expression {
  return binary[fn](a, b, dtype)
}

/** A comparison, as 0 or 1. NaN equals nothing, itself included. */
export function compareExpression(fn: CompareFn, a: string, b: string, dtype: DType): Expression {
  const sign = { equal: '==', less: '<', lessEqual: '<=' }[fn]
  const plain = `${a} ${sign} ${b}`
  if (registerOf(dtype) !== 'f32') return { code: `select(0u, 1u, ${plain})` }
  return { code: `select(0u, 1u, ${plain} && !isNan(${a}) && !isNan(${b}))`, needs: [IS_NAN] }
}

/** A register value of one dtype as that of another: floats are cut off towards 0, and rounded to what smaller floats hold. */
export function castExpression(x: string, from: DType, to: DType): Expression {
  const [own, register] = [registerOf(from), registerOf(to)]
  if (to === 'bool')
    return { code: own === 'f32' ? `select(0u, 1u, ${x} != 0.0)` : `select(0u, 1u, ${x} != ${own}(0))` }
  if (to === 'f16') return roundedHalf(own === 'f32' ? x : `f32(${x})`)
  if (to === 'bf16') return roundedBrain(own === 'f32' ? x : `f32(${x})`)
  // A whole number wraps; it goes through i32 where it may be negative.
  const whole =
    own === 'f32' && register === 'u32' ? `select(u32(${x}), bitcast<u32>(i32(${x})), ${x} < 0.0)` : undefined
  const plain =
    whole ??
    (own === register ? x : own === 'f32' || register === 'f32' ? `${register}(${x})` : `bitcast<${register}>(${x})`)
  if (to === 'u8') return { code: `(${plain}) & 0xffu` }
  if (to === 'i8') return { code: `extractBits(${plain}, 0u, 8u)` }
  return { code: plain }
}

function roundedHalf(x: string): Expression {
  const { code, needs } = encoded(x, 'f16')
  return { code: `unpack2x16float(${code}).x`, needs }
}

function roundedBrain(x: string): Expression {
  const { code, needs } = encoded(x, 'bf16')
  return { code: `bitcast<f32>(${code} << 16u)`, needs }
}
