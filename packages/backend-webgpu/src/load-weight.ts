/** The way of a weight from its source onto the device. */
import { type DType, hostTensorFromBytes, type WeightRequest } from '@espalier/core'
import type { Runtime } from './device/runtime.js'
import { inDType, toDevice } from './plan/host-bytes.js'
import type { SharedWeight } from './webgpu-weights.js'

/** Reads a weight and copies it to the device. Throws what the source throws, and what the device reports. */
export async function loadWeight(
  runtime: Runtime,
  name: string,
  { source, dtype }: WeightRequest,
): Promise<SharedWeight> {
  const bytes = await source.read()
  const stored = dtype === 'f32' && isHalf(source.dtype) ? source.dtype : dtype
  const own = toDevice(inDType(hostTensorFromBytes(source.dtype, source.shape, bytes), stored))
  return runtime.guarded(
    () => {
      const buffer = runtime.buffer(own.byteLength, name)
      if (own.byteLength > 0) runtime.device.queue.writeBuffer(buffer, 0, own)
      return { buffer, stored, spec: { dtype, shape: source.shape } }
    },
    { weight: name },
  )
}

function isHalf(dtype: DType): boolean {
  return dtype === 'f16' || dtype === 'bf16'
}
