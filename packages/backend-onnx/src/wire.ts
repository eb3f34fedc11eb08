/** Host tensors as they travel to the runtime and back: 16-bit floats become f32 on the way and are rounded back. */
import {
  type DType,
  encodeBf16,
  encodeF16,
  type HostArray,
  type HostTensor,
  hostTensor,
  type Spec,
  toFloat32,
  toFloat64,
} from '@espalier/core'
import { held } from './emit/emitter.js'
import type { WireTensor } from './host.mjs'

/** A tensor for the runtime; the data are shared with the argument where nothing is converted or cut out. */
export function toWire(tensor: HostTensor): WireTensor {
  const type = held(tensor.dtype)
  const data = type === tensor.dtype ? tensor.data : toFloat32(tensor)
  // A message takes a view's whole buffer along.
  return { type, shape: tensor.shape, data: data.byteLength < data.buffer.byteLength ? data.slice() : data }
}

/** A tensor for the runtime whose data belong to nobody else. */
export function toOwnWire(tensor: HostTensor): WireTensor {
  const wire = toWire(tensor)
  return wire.data === tensor.data ? { ...wire, data: tensor.data.slice() } : wire
}

/** Data from the runtime as a tensor of core's dtype. */
export function fromWire({ dtype, shape }: Spec, data: HostArray): HostTensor {
  if (dtype !== 'f16' && dtype !== 'bf16') return { dtype, shape, data }
  const encode = dtype === 'f16' ? encodeF16 : encodeBf16
  return { dtype, shape, data: Uint16Array.from(data, encode) }
}

/** A tensor with its values converted to another dtype, rounded where that has fewer bits. */
export function converted(tensor: HostTensor, dtype: DType): HostTensor {
  if (tensor.dtype === dtype) return tensor
  if (dtype === 'f32') return { dtype, shape: tensor.shape, data: toFloat32(tensor) }
  return hostTensor(dtype, tensor.shape, Array.from(toFloat64(tensor)))
}
