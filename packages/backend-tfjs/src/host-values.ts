/**
 * How dtypes of the graph lie in tfjs, which has f32, i32 and bool only: f16 and bf16 widened to f32, u8 and i8 widened to i32, u32 as
 * the i32 with the same bits. And the way of values there and back.
 */
import {
  type DType,
  EspalierError,
  encodeBf16,
  encodeF16,
  type HostTensor,
  hostArray,
  isFloat,
  type Spec,
  sizeOf,
  toFloat32,
} from '@espalier/core'
import { runtimeError } from './runtime-error.js'
import type { TfDType, TfNamespace, TfTensor, TfValues } from './tf-namespace.js'

const MOST_SLICED = 4 // axes; kernels for more are not everywhere

/** The tfjs dtype that holds a dtype. Throws backend.unsupported for f64. */
export function heldIn(dtype: DType): TfDType {
  if (dtype === 'f64') {
    throw new EspalierError('backend.unsupported', {
      what: 'tfjs has no 64-bit floats',
      got: { backend: 'tfjs', dtype },
      fix: 'Use f32, or the reference backend.',
    })
  }
  if (isFloat(dtype)) return 'float32'
  return dtype === 'bool' ? 'bool' : 'int32'
}

/** Bytes that a tensor of this spec takes in tfjs. */
export function heldBytes({ dtype, shape }: Spec): number {
  return sizeOf(shape) * (dtype === 'bool' ? 1 : 4)
}

/** A host tensor's values as tfjs holds the dtype `to`; `copied`: never the array that was given. */
export function toHeldValues(tensor: HostTensor, to: DType, copied: boolean): TfValues {
  const held = heldIn(to)
  const { data } = tensor
  if (held === 'float32') {
    const values = toFloat32(tensor)
    return copied && (values as unknown) === data ? values.slice() : values
  }
  if (held === 'bool') return Uint8Array.from(data, (x) => (x === 0 ? 0 : 1))
  return Int32Array.from(data as Iterable<number>) // u32 above 2^31 wraps to the same bits
}

/** A kept tensor with a host tensor's values. tfjs takes arrays over without copying, so `copied` says whether the caller may write to its own later. */
export function upload(
  tf: TfNamespace,
  tensor: HostTensor,
  options: { readonly dtype?: DType; readonly copied: boolean },
): TfTensor {
  const { dtype = tensor.dtype, copied } = options
  const held = heldIn(dtype)
  const values = toHeldValues(tensor, dtype, copied)
  try {
    return tf.keep(tf.tensor(values, [...tensor.shape], held))
  } catch (cause) {
    throw runtimeError(cause, { op: 'upload' })
  }
}

/**
 * Has the backend of tfjs take a tensor into memory of its own. It does so when a kernel first reads the tensor, and the array that the tensor was
 * made of is garbage from then on. Of weights that are all read first by a program, the arrays lie there beside them; read one by one as they
 * come, their arrays are collected while others come.
 */
export function takeIn(tf: TfNamespace, x: TfTensor): void {
  const { shape } = x
  if (shape.length === 0 || shape.length > MOST_SLICED || sizeOf(shape) === 0) return
  tf.slice(
    x,
    shape.map(() => 0),
    shape.map(() => 1),
  ).dispose()
}

/** Copies of all of them, kept; of none when one cannot be uploaded. */
export function uploadAll(tf: TfNamespace, tensors: ReadonlyMap<string, HostTensor>): Map<string, TfTensor> {
  const uploaded = new Map<string, TfTensor>()
  try {
    for (const [name, tensor] of tensors) uploaded.set(name, upload(tf, tensor, { copied: true }))
  } catch (error) {
    for (const x of uploaded.values()) x.dispose()
    throw error
  }
  return uploaded
}

/** A tensor's values as a host tensor of a spec; always a copy. */
export async function download(x: TfTensor, { dtype, shape }: Spec): Promise<HostTensor> {
  const size = sizeOf(shape)
  const data = hostArray(dtype, size)
  if (size === 0) return { dtype, shape, data }
  const values = (await x.data()) as ArrayLike<number>
  if (dtype === 'f16' || dtype === 'bf16') {
    const encode = dtype === 'f16' ? encodeF16 : encodeBf16
    for (let i = 0; i < size; i++) data[i] = encode(values[i] as number)
  } else data.set(values)
  return { dtype, shape, data }
}
