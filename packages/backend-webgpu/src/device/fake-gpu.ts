/** WebGPU that computes nothing, for tests of what is asked of it and of what is made of its errors. Results are zeros. */
import type { Gpu, GpuAdapterInfo, GpuBuffer, GpuDevice, GpuEncoder, GpuPipeline } from './gpu.js'

type Filter = 'validation' | 'out-of-memory' | 'internal'

/** What a fake device says of itself. */
export const FAKE_INFO: GpuAdapterInfo = { vendor: 'nobody', architecture: 'none', description: 'a fake' }

/** A device that notes what it is asked. */
export class FakeDevice implements GpuDevice {
  readonly limits = {
    maxBufferSize: 1 << 20,
    maxStorageBufferBindingSize: 1 << 16,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupsPerDimension: 65_535,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupStorageSize: 16_384,
    minStorageBufferOffsetAlignment: 256,
    minUniformBufferOffsetAlignment: 256,
  }
  readonly features = new Set<string>()
  /** Bytes of the buffers that are not destroyed. */
  heldBytes = 0
  dispatches = 0
  submits = 0
  isDestroyed = false
  /** What compiling a shader says; undefined: nothing. */
  refusal: string | undefined
  private readonly scopes: { readonly filter: Filter; message: string | undefined }[] = []
  private readonly reported: { readonly filter: Filter; readonly message: string; readonly call: string }[] = []
  private readonly listeners: ((event: { readonly error: { message: string } }) => void)[] = []
  private loses: (lost: { reason: string; message: string }) => void = () => {}
  readonly lost = new Promise<{ reason: string; message: string }>((resolve) => {
    this.loses = resolve
  })

  /** The next call of a name reports an error, as WebGPU does: to the scope around it, and without throwing. */
  reportAt(call: 'createBuffer' | 'submit' | 'createShaderModule', filter: Filter, message: string): void {
    this.reported.push({ call, filter, message })
  }

  /** Reports an error that no scope takes. */
  reportNow(message: string): void {
    for (const listener of this.listeners) listener({ error: { message } })
  }

  /** The device goes away. */
  lose(reason: string, message: string): void {
    this.loses({ reason, message })
  }

  readonly queue = {
    writeBuffer: () => {},
    submit: () => {
      this.submits++
      this.called('submit')
    },
    onSubmittedWorkDone: async () => {},
  }

  createBuffer({ size }: { size: number }): GpuBuffer {
    this.called('createBuffer')
    this.heldBytes += size
    let isHeld = true
    return {
      size,
      mapAsync: async () => {},
      getMappedRange: () => new ArrayBuffer(size),
      unmap: () => {},
      destroy: () => {
        if (isHeld) this.heldBytes -= size
        isHeld = false
      },
    }
  }

  createShaderModule() {
    this.called('createShaderModule')
    const { refusal } = this
    const messages = refusal === undefined ? [] : [{ type: 'error', message: refusal, lineNum: 3, linePos: 7 }]
    return { getCompilationInfo: async () => ({ messages }) }
  }

  async createComputePipelineAsync(): Promise<GpuPipeline> {
    if (this.refusal !== undefined) throw new Error('the shader module is invalid')
    return { getBindGroupLayout: () => ({}) }
  }

  createBindGroup() {
    return {}
  }

  createCommandEncoder(): GpuEncoder {
    return {
      beginComputePass: () => ({
        setPipeline: () => {},
        setBindGroup: () => {},
        dispatchWorkgroups: () => {
          this.dispatches++
        },
        end: () => {},
      }),
      copyBufferToBuffer: () => {},
      clearBuffer: () => {},
      finish: () => ({}),
    }
  }

  pushErrorScope(filter: Filter): void {
    this.scopes.push({ filter, message: undefined })
  }

  async popErrorScope(): Promise<{ readonly message: string } | null> {
    const message = this.scopes.pop()?.message
    return message === undefined ? null : { message }
  }

  addEventListener(_: 'uncapturederror', listener: (event: { readonly error: { message: string } }) => void): void {
    this.listeners.push(listener)
  }

  destroy(): void {
    this.isDestroyed = true
    this.lose('destroyed', 'by its owner')
  }

  private called(name: string): void {
    const at = this.reported.findIndex(({ call }) => call === name)
    const [error] = at < 0 ? [] : this.reported.splice(at, 1)
    if (error === undefined) return
    const scope = this.scopes.filter(({ filter }) => filter === error.filter).at(-1)
    if (scope === undefined) this.reportNow(error.message)
    else scope.message ??= error.message
  }
}

/** A WebGPU whose one adapter gives a device. */
export function fakeGpu(device: GpuDevice): Gpu {
  const { limits, features } = device
  return { requestAdapter: async () => ({ limits, features, info: FAKE_INFO, requestDevice: async () => device }) }
}
