/** Values on their way between the host and the device, which has the same bytes, filled up to whole words. */
import {
  byteSize,
  type DType,
  type HostTensor,
  hostArray,
  hostTensor,
  type Spec,
  sizeOf,
  toFloat32,
  toFloat64,
} from '@espalier/core'

const WORD = 4

/** The bytes of a host tensor in whole words; its own memory where these fit. */
export function toDevice({ data }: HostTensor): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (bytes.byteLength % WORD === 0) return bytes
  const padded = new Uint8Array(Math.ceil(bytes.byteLength / WORD) * WORD)
  padded.set(bytes)
  return padded
}

/** Bytes that a tensor takes, in whole words. */
export function deviceBytes({ dtype, shape }: Spec): number {
  return Math.ceil((sizeOf(shape) * byteSize(dtype)) / WORD) * WORD
}

/** A host tensor over bytes from the device; a copy. */
export function fromDevice({ dtype, shape }: Spec, bytes: Uint8Array): HostTensor {
  const data = hostArray(dtype, sizeOf(shape))
  new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength))
  return { dtype, shape, data }
}

/** A host tensor in another dtype. */
export function inDType(tensor: HostTensor, dtype: DType): HostTensor {
  if (tensor.dtype === dtype) return tensor
  if (dtype === 'f32') return { dtype, shape: tensor.shape, data: toFloat32(tensor) }
  return hostTensor(dtype, tensor.shape, [...toFloat64(tensor)])
}
