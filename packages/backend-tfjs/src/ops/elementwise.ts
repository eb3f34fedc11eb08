/** Functions of one or two tensors, element by element. Broadcasting is left to tfjs. */
import {
  type BinaryFn,
  type CompareFn,
  type DType,
  EspalierError,
  filledWith,
  hostTensor,
  isFloat,
  sameShape,
  type Tensor,
  type UnaryFn,
} from '@espalier/core'
import { heldIn } from '../host-values.js'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'
import { onHost } from './on-host.js'
import { refuseRank } from './refused-rank.js'
import { outputOf, type Step, type StepContext, type StepRule } from './step-rule.js'

type Unary = (tf: TfNamespace, x: TfTensor) => TfTensor
type Binary = (tf: TfNamespace, a: TfTensor, b: TfTensor) => TfTensor

const unaryKernels: { readonly [F in UnaryFn]: Unary } = {
  neg: (tf, x) => tf.neg(x),
  abs: (tf, x) => tf.abs(x),
  exp: (tf, x) => tf.exp(x),
  log: (tf, x) => tf.log(x),
  sqrt: (tf, x) => tf.sqrt(x),
  rsqrt: (tf, x) => tf.rsqrt(x),
  reciprocal: (tf, x) => tf.reciprocal(x),
  sin: (tf, x) => tf.sin(x),
  cos: (tf, x) => tf.cos(x),
  tanh: (tf, x) => tf.tanh(x),
  sigmoid: (tf, x) => tf.sigmoid(x),
  erf: (tf, x) => tf.erf(x),
  floor: (tf, x) => tf.floor(x),
  round: (tf, x) => tf.round(x),
  sign: (tf, x) => tf.sign(x),
  not: (tf, x) => tf.logicalNot(x),
}

/** `unary`. */
export const unaryStep: StepRule<'unary'> = (context, node) => {
  const { tf } = context
  const { fn } = node.attrs
  const { dtype } = outputOf(node)
  refuseNarrow(dtype, fn)
  if (dtype === 'i32') return fn === 'sign' ? onHost(context, node) : integerUnary(context, fn)
  if (fn === 'sign' && tf.getBackend() !== 'tensorflow') return ([x]) => signOf(tf, x as TfTensor)
  return ([x]) => unaryKernels[fn](tf, x as TfTensor)
}

// The kernels of `neg` and `abs` of some tfjs take whole numbers through f32.
function integerUnary({ tf, constant }: StepContext, fn: UnaryFn): Step {
  const zero = constant(hostTensor('i32', [], [0]))
  const negated = (x: TfTensor) => tf.sub(zero, x)
  if (fn === 'neg') return ([x]) => negated(x as TfTensor)
  return ([x]) => tf.tidy(() => tf.maximum(x as TfTensor, negated(x as TfTensor)))
}

// TensorFlow's sign of NaN is NaN; that of the others is 0, and nobody would learn of it.
function signOf(tf: TfNamespace, x: TfTensor): TfTensor {
  return tf.tidy(() => tf.where(tf.equal(x, x), tf.sign(x), x))
}

const floatKernels: { readonly [F in BinaryFn]?: Binary } = {
  add: (tf, a, b) => tf.add(a, b),
  sub: (tf, a, b) => tf.sub(a, b),
  mul: (tf, a, b) => tf.mul(a, b),
  div: (tf, a, b) => tf.div(a, b),
  pow: (tf, a, b) => tf.pow(a, b),
  max: (tf, a, b) => tf.maximum(a, b),
  min: (tf, a, b) => tf.minimum(a, b),
  // tfjs gives the remainder the sign of the divisor; between magnitudes the two definitions agree.
  rem: (tf, a, b) => tf.tidy(() => tf.mul(tf.sign(a), tf.mod(tf.abs(a), tf.abs(b)))),
}

const boolKernels: { readonly [F in BinaryFn]?: Binary } = {
  and: (tf, a, b) => tf.logicalAnd(a, b),
  or: (tf, a, b) => tf.logicalOr(a, b),
  xor: (tf, a, b) => tf.notEqual(a, b),
}

// Sums wrap at 32 bits in every tfjs, and their low bits do not depend on the sign.
const integerKernels: { readonly [F in BinaryFn]?: Binary } = { add: floatKernels.add, sub: floatKernels.sub }
const signedKernels: { readonly [F in BinaryFn]?: Binary } = {
  ...integerKernels,
  max: floatKernels.max,
  min: floatKernels.min,
}

/** `binary`. */
export const binaryStep: StepRule<'binary'> = (context, node) => {
  const { tf } = context
  const { fn } = node.attrs
  const { dtype } = outputOf(node)
  refuseNarrow(dtype, fn)
  const kernel = kernelOf(dtype, fn, node.inputs)
  if (kernel === undefined) return onHost(context, node)
  const [left, right] = node.inputs as readonly [Tensor, Tensor]
  if (!sameShape(left.shape, right.shape)) refuseRank(tf, fn, outputOf(node).shape)
  if (isFloat(dtype) && (fn === 'max' || fn === 'min') && tf.getBackend() === 'wasm')
    return extremeOnWasm(kernel, context, [left, right])
  return ([a, b]) => kernel(tf, a as TfTensor, b as TfTensor)
}

// wasm gives the left one where the right one is NaN: a known number goes to the right, and otherwise the NaN is put back.
function extremeOnWasm(kernel: Binary, { tf }: StepContext, [left, right]: readonly [Tensor, Tensor]): Step {
  const isNumber = (x: Tensor) => !Number.isNaN(filledWith(x) ?? Number.NaN)
  if (isNumber(right)) return ([a, b]) => kernel(tf, a as TfTensor, b as TfTensor)
  if (isNumber(left)) return ([a, b]) => kernel(tf, b as TfTensor, a as TfTensor)
  return ([a, b]) =>
    tf.tidy(() => {
      const [x, y] = [a as TfTensor, b as TfTensor]
      return tf.where(tf.equal(y, y), kernel(tf, x, y), y)
    })
}

function kernelOf(dtype: DType, fn: BinaryFn, inputs: readonly Tensor[]): Binary | undefined {
  if (isFloat(dtype)) return floatKernels[fn]
  if (dtype === 'bool') return boolKernels[fn]
  if (dtype === 'u32') return integerKernels[fn]
  // tfjs on the CPU multiplies in doubles: exact while the product has at most 53 bits.
  if (fn === 'mul')
    return inputs.some((x) => Math.abs(filledWith(x) ?? Infinity) < 2 ** 21) ? floatKernels.mul : undefined
  return signedKernels[fn]
}

const compareKernels: { readonly [F in CompareFn]: Binary } = {
  equal: (tf, a, b) => tf.equal(a, b),
  less: (tf, a, b) => tf.less(a, b),
  lessEqual: (tf, a, b) => tf.lessEqual(a, b),
}

// TensorFlow's kernels of order take no bool.
const boolCompareKernels: { readonly [F in CompareFn]: Binary } = {
  equal: compareKernels.equal,
  less: (tf, a, b) => tf.tidy(() => tf.logicalAnd(tf.logicalNot(a), b)),
  lessEqual: (tf, a, b) => tf.tidy(() => tf.logicalOr(tf.logicalNot(a), b)),
}

/** `compare`. */
export const compareStep: StepRule<'compare'> = (context, node) => {
  const { tf } = context
  const { dtype } = node.inputs[0] as Tensor
  const compare = (dtype === 'bool' ? boolCompareKernels : compareKernels)[node.attrs.fn]
  if (dtype !== 'u32') return ([a, b]) => compare(tf, a as TfTensor, b as TfTensor)
  // With the highest bit flipped, u32 are in the order of the i32 that hold them.
  const flip = context.constant(hostTensor('i32', [], [-(2 ** 31)]))
  return ([a, b]) => tf.tidy(() => compare(tf, tf.add(a as TfTensor, flip), tf.add(b as TfTensor, flip)))
}

/** `select`. The wasm kernel takes no bool values; their logic is as good. */
export const selectStep: StepRule<'select'> = ({ tf }, node) => {
  const [condition, a, b] = node.inputs as readonly [Tensor, Tensor, Tensor]
  // tf.where spreads the condition over the whole shape first; TensorFlow's kernel takes a single one as it is.
  const single = condition.shape.length === 0 && sameShape(a.shape, b.shape)
  if (single && tf.getBackend() === 'tensorflow')
    return ([c, t, e]) =>
      tf.engine().runKernel('Select', { condition: c as TfTensor, t: t as TfTensor, e: e as TfTensor })
  if (outputOf(node).dtype !== 'bool')
    return ([condition, a, b]) => tf.where(condition as TfTensor, a as TfTensor, b as TfTensor)
  return ([condition, a, b]) =>
    tf.tidy(() => {
      const [where, p, q] = [condition as TfTensor, a as TfTensor, b as TfTensor]
      return tf.logicalOr(tf.logicalAnd(where, p), tf.logicalAnd(tf.logicalNot(where), q))
    })
}

/** `cast`. */
export const castStep: StepRule<'cast'> = (context, node) => {
  const { tf } = context
  const from = (node.inputs[0] as Tensor).dtype
  const to = outputOf(node).dtype
  const direct = directCast(context, from, to)
  return direct === undefined ? onHost(context, node) : ([x]) => direct(tf, x as TfTensor)
}

// Into 16-bit floats and 8-bit integers, values are rounded or wrapped, which tfjs cannot do; a large u32 becomes a float exactly on the host.
function directCast(context: StepContext, from: DType, to: DType): Unary | undefined {
  if (to === 'f16' || to === 'bf16' || to === 'u8' || to === 'i8') return undefined
  if (to === 'bool') {
    const zero = context.constant(hostTensor(isFloat(from) ? 'f32' : 'i32', [], [0]))
    return (tf, x) => tf.notEqual(x, zero)
  }
  if (from === 'u32' && isFloat(to)) return undefined
  if (to === 'u32' && isFloat(from)) {
    const [limit, turn] = [2 ** 31, 2 ** 32].map((x) => context.constant(hostTensor('f32', [], [x]))) as [
      TfTensor,
      TfTensor,
    ]
    return (tf, x) => tf.tidy(() => tf.cast(tf.where(tf.less(x, limit), x, tf.sub(x, turn)), 'int32'))
  }
  const held = heldIn(to)
  return heldIn(from) === held ? (tf, x) => tf.clone(x) : (tf, x) => tf.cast(x, held)
}

// Half precision is stored widened; computing in it would give more digits than the program says.
function refuseNarrow(dtype: DType, operation: string): void {
  if (dtype !== 'f16' && dtype !== 'bf16') return
  throw new EspalierError('backend.unsupported', {
    what: 'tfjs has no 16-bit floats to compute in',
    got: { backend: 'tfjs', op: operation, dtype },
    fix: 'Compute in f32: 16-bit weights are widened when they are loaded.',
  })
}
