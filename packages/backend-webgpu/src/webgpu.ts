/** The WebGPU backend: how it is asked for. */
import type { Backend } from '@espalier/core'
import type { Gpu } from './device/gpu.js'
import { findAdapter, openDevice, type PowerPreference } from './device/open-device.js'
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

/** What an adapter says of itself; browsers leave most of it empty. */
export interface WebgpuAdapter {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  /** The CPU plays the GPU, as lavapipe and SwiftShader do: the same numbers, in far more time than other backends take. */
  readonly isSoftware: boolean
}

/** The adapter that `webgpu` of the same options would compute on. Throws backend.missing where there is none, with what to install. */
export async function webgpuAdapter({
  powerPreference = 'high-performance',
  gpu,
}: WebgpuOptions = {}): Promise<WebgpuAdapter> {
  const { info } = await findAdapter(powerPreference, gpu)
  const { vendor, architecture, description, isFallbackAdapter = false } = info
  return { vendor, architecture, description, isSoftware: isFallbackAdapter }
}
