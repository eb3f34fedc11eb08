/** From nothing to a device with all that its adapter offers. */
import { EspalierError } from '@espalier/core'
import { platform } from '../platform/node.js'
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, GpuLimits } from './gpu.js'

/** Which GPU to take, where there are several. */
export type PowerPreference = 'low-power' | 'high-performance'

/** A device, and what is known of the adapter behind it. */
export interface OpenedDevice {
  readonly device: GpuDevice
  readonly info: GpuAdapterInfo
}

// What a device has by default is far below what most adapters offer: 128 MiB a binding, 256 MiB a buffer, 8 buffers a shader.
const RAISED: readonly (keyof GpuLimits)[] = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
]
const WANTED = ['timestamp-query', 'subgroups', 'shader-f16']

/** Opens a device. `gpu` stands in for the platform's own. Throws backend.missing where there is no WebGPU or no adapter, with what to install. */
export async function openDevice(powerPreference: PowerPreference, gpu?: Gpu): Promise<OpenedDevice> {
  const adapter = await findAdapter(powerPreference, gpu)
  const requiredLimits = Object.fromEntries(RAISED.map((name) => [name, adapter.limits[name]]))
  const requiredFeatures = WANTED.filter((name) => adapter.features.has(name))
  try {
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures, label: 'espalier' })
    return { device, info: adapter.info }
  } catch (cause) {
    throw missing(
      'the adapter gives no device',
      { ...facts(adapter.info), message: messageOf(cause) },
      undefined,
      cause,
    )
  }
}

async function findGpu(): Promise<Gpu> {
  const found = await platform.findGpu().catch((cause: unknown) => {
    throw missing('WebGPU does not load here', { message: messageOf(cause) }, platform.remedy.noGpu, cause)
  })
  if (found === undefined) throw missing('there is no WebGPU here', {}, platform.remedy.noGpu)
  return found
}

/** The adapter of a preference. Throws as `openDevice` does. */
export async function findAdapter(powerPreference: PowerPreference, gpu?: Gpu): Promise<GpuAdapter> {
  const found = gpu ?? (await findGpu())
  const adapter = await found.requestAdapter({ powerPreference })
  if (adapter === null) throw missing('WebGPU finds no GPU', {}, platform.remedy.noAdapter)
  return adapter as GpuAdapter
}

/** What tells adapters apart, for messages and profiles. */
export function facts({ vendor, architecture, description }: GpuAdapterInfo): Record<string, string> {
  return { vendor, architecture, description }
}

function missing(what: string, got: Readonly<Record<string, unknown>>, fix?: string, cause?: unknown): EspalierError {
  return new EspalierError('backend.missing', {
    what,
    got: { backend: 'webgpu', ...got },
    ...(fix === undefined ? {} : { fix }),
    ...(cause === undefined ? {} : { cause }),
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
