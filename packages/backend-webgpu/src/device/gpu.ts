/**
 * The part of WebGPU that this package uses, as types of its own: neither `@webgpu/types` nor a version of TypeScript that has them is
 * asked of users, and a device of either fits. Meanings: W3C, WebGPU, https://www.w3.org/TR/webgpu/.
 */

/** `navigator.gpu`, or what the package `webgpu` creates. */
export interface Gpu {
  /** An adapter of WebGPU's, which stays untyped here: whatever has the rest of WebGPU fits. */
  requestAdapter(options?: { powerPreference?: 'low-power' | 'high-performance' }): Promise<object | null>
}

/** A GPU, or software that stands in for one. */
export interface GpuAdapter {
  readonly features: GpuFeatures
  readonly limits: GpuLimits
  readonly info: GpuAdapterInfo
  requestDevice(descriptor: {
    requiredLimits: Record<string, number>
    requiredFeatures: string[]
    label: string
  }): Promise<GpuDevice>
}

/** What an adapter says of itself; browsers leave most of it empty. */
export interface GpuAdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  readonly isFallbackAdapter?: boolean
}

/** Names of what an adapter offers or a device has beyond the core of WebGPU. */
export interface GpuFeatures {
  has(name: string): boolean
}

/** The limits that plans and buffers keep to. */
export interface GpuLimits {
  readonly maxBufferSize: number
  readonly maxStorageBufferBindingSize: number
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxComputeWorkgroupsPerDimension: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly minStorageBufferOffsetAlignment: number
  readonly minUniformBufferOffsetAlignment: number
}

/** A device with its queue. */
export interface GpuDevice {
  readonly limits: GpuLimits
  readonly features: GpuFeatures
  readonly queue: GpuQueue
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>
  createBuffer(descriptor: { size: number; usage: number; label?: string }): GpuBuffer
  createShaderModule(descriptor: { code: string; label?: string }): GpuShaderModule
  createComputePipelineAsync(descriptor: {
    layout: 'auto'
    compute: { module: GpuShaderModule; entryPoint: string }
    label?: string
  }): Promise<GpuPipeline>
  createBindGroup(descriptor: { layout: unknown; entries: readonly GpuBinding[] }): GpuBindGroup
  createCommandEncoder(descriptor?: { label?: string }): GpuEncoder
  pushErrorScope(filter: 'validation' | 'out-of-memory' | 'internal'): void
  popErrorScope(): Promise<{ readonly message: string } | null>
  addEventListener(type: 'uncapturederror', listener: (event: { readonly error: { message: string } }) => void): void
  destroy(): void
}

/** Uploads and submissions, in order. */
export interface GpuQueue {
  writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBufferView, dataOffset?: number, size?: number): void
  submit(commands: readonly unknown[]): void
  onSubmittedWorkDone(): Promise<unknown>
}

/** Memory of the device. */
export interface GpuBuffer {
  readonly size: number
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>
  getMappedRange(offset?: number, size?: number): ArrayBuffer
  unmap(): void
  destroy(): void
}

/** A range of a buffer at a binding of a shader. */
export interface GpuBinding {
  readonly binding: number
  readonly resource: { readonly buffer: GpuBuffer; readonly offset: number; readonly size: number }
}

/** Buffers bound together. */
export type GpuBindGroup = object

/** WGSL that was read. */
export interface GpuShaderModule {
  getCompilationInfo(): Promise<{
    readonly messages: readonly {
      readonly type: string
      readonly message: string
      readonly lineNum: number
      readonly linePos: number
    }[]
  }>
}

/** A compiled shader. */
export interface GpuPipeline {
  getBindGroupLayout(index: number): unknown
}

/** Records commands. */
export interface GpuEncoder {
  beginComputePass(descriptor?: { label?: string }): GpuComputePass
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void
  clearBuffer(buffer: GpuBuffer, offset?: number, size?: number): void
  finish(): unknown
}

/** Records dispatches. */
export interface GpuComputePass {
  setPipeline(pipeline: GpuPipeline): void
  setBindGroup(index: number, group: GpuBindGroup): void
  dispatchWorkgroups(x: number, y?: number, z?: number): void
  end(): void
}

/** `GPUBufferUsage` and `GPUMapMode`, whose values the specification fixes. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const
/** `GPUMapMode.READ`. */
export const MAP_READ = 1
