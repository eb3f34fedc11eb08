/** The WebGPU backend: how it is asked for. */
import type { Backend } from '@espalier/core'
import type { Gpu } from './device/gpu.js'
import { openDevice, type PowerPreference } from './device/open-device.js'
import { WebgpuBackend } from './webgpu-backend.js'

/** Settings of the WebGPU backend. */
export interface WebgpuOptions {
  /** Which GPU, where there are several. Default 'high-performance'. */
  readonly powerPreference?: PowerPreference
  /** A WebGPU to use in place of the platform's own: `navigator.gpu`, or `create([...])` of the package `webgpu` with flags of yours. */
  readonly gpu?: Gpu
}

/**
 * A backend on WebGPU: in Node through the package `webgpu` (Dawn), in pages and workers through `navigator.gpu`. The device is opened at
 * the first use, which throws backend.missing where there is none.
 */
export function webgpu(options: WebgpuOptions = {}): Backend {
  const { powerPreference = 'high-performance', gpu } = options
  return new WebgpuBackend(() => openDevice(powerPreference, gpu))
}
