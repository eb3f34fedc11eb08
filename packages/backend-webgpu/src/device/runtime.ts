/** A device in use: buffers, pipelines by the text of their shader, memory that programs share, and every error of WebGPU as one of ours. */
import { EspalierError } from '@espalier/core'
import type { Kernel } from '../plan/plan.js'
import { lostError, memoryError, validationError } from './errors.js'
import { type GpuBuffer, type GpuDevice, type GpuPipeline, USAGE } from './gpu.js'

const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget
const SMALLEST = 16 // bytes of a buffer: kernels may read four words at once

/** Everything that is done with a device. */
export class Runtime {
  private readonly pipelines = new Map<string, Promise<GpuPipeline>>()
  private readonly pool: GpuBuffer[] = []
  private failure: EspalierError | undefined
  private closed = false
  /** Counts how often the shared memory was replaced: what was bound before must be bound again. */
  generation = 0

  constructor(readonly device: GpuDevice) {
    device.lost.then(({ reason, message }) => {
      if (!this.closed) this.failure ??= lostError(reason, message)
    })
    device.addEventListener('uncapturederror', ({ error }) => {
      this.failure ??= validationError(error.message, {})
    })
  }

  /** Throws backend.failed when the device is lost, or reported an error that nobody waited for. */
  check(): void {
    if (this.failure !== undefined) throw this.failure
  }

  /** How many different shaders were compiled. */
  get shaders(): number {
    return this.pipelines.size
  }

  /** The pipeline of a kernel; compiled once. Throws backend.failed with line and column for WGSL that is refused. */
  pipeline(kernel: Kernel): Promise<GpuPipeline> {
    const known = this.pipelines.get(kernel.source)
    if (known !== undefined) return known
    const made = this.compile(kernel)
    this.pipelines.set(kernel.source, made)
    made.catch(() => this.pipelines.delete(kernel.source))
    return made
  }

  private async compile({ name, source }: Kernel): Promise<GpuPipeline> {
    // The scope takes what the promise of the pipeline says too, or it would also be reported as an error that nobody waits for.
    this.device.pushErrorScope('validation')
    const module = this.device.createShaderModule({ code: source, label: name })
    const scope = this.device.popErrorScope()
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
        label: name,
      })
      const problem = await scope
      if (problem !== null) throw new Error(problem.message)
      return pipeline
    } catch (cause) {
      this.check()
      await scope
      const { messages } = await module.getCompilationInfo()
      const lines = messages
        .filter(({ type }) => type === 'error')
        .map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`)
      throw validationError(lines.join('; ') || (cause as Error).message, { kernel: name })
    }
  }

  /** A buffer of whole words. Throws backend.unsupported where no buffer of this device is as large. */
  buffer(bytes: number, label: string, usage: number = STORAGE): GpuBuffer {
    this.checkSize(bytes, label, usage)
    return this.device.createBuffer({ size: Math.max(SMALLEST, Math.ceil(bytes / SMALLEST) * SMALLEST), usage, label })
  }

  /** Throws backend.unsupported where no buffer of this device is as large. */
  checkSize(bytes: number, label: string, usage: number = STORAGE): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits
    const most = Math.min(maxBufferSize, usage & USAGE.storage ? maxStorageBufferBindingSize : Number.POSITIVE_INFINITY)
    if (bytes <= most) return
    throw new EspalierError('backend.unsupported', {
      what: 'a tensor is larger than what this GPU can bind at once',
      got: { backend: 'webgpu', tensor: label, bytes, most },
      fix: 'Take smaller batches or shorter rows; for a weight, load it in 16 bits, or use another backend.',
    })
  }

  /** The shared buffers, the i-th at least as large as the i-th of a plan. Nothing may be running. */
  slots(bytes: readonly number[]): readonly GpuBuffer[] {
    bytes.forEach((size, i) => {
      const known = this.pool[i]
      if (known !== undefined && known.size >= size) return
      const fresh = this.buffer(size, `slot ${i}`)
      known?.destroy()
      this.pool[i] = fresh
      this.generation++
    })
    return this.pool
  }

  /** Bytes of the shared buffers. */
  get slotBytes(): number {
    return this.pool.reduce((sum, { size }) => sum + size, 0)
  }

  /** Gives the shared buffers back. Nothing may be running. */
  dropSlots(): void {
    for (const buffer of this.pool) buffer.destroy()
    this.pool.length = 0
    this.generation++
  }

  /** Does work that makes buffers or submits commands, and waits for it. Throws backend.failed for whatever WebGPU reports meanwhile. */
  async guarded<T>(work: () => T | Promise<T>, got: Readonly<Record<string, unknown>>): Promise<T> {
    this.check()
    const filters = ['validation', 'out-of-memory', 'internal'] as const
    for (const filter of filters) this.device.pushErrorScope(filter)
    let pending: T | Promise<T>
    try {
      pending = work()
    } catch (error) {
      pending = Promise.reject(error)
    }
    const scopes = filters.map(() => this.device.popErrorScope())
    const [result, internal, memory, validation] = await Promise.allSettled([pending, ...scopes])
    this.check()
    const messageOf = (scope: PromiseSettledResult<{ message: string } | null> | undefined) =>
      scope?.status === 'fulfilled' ? scope.value?.message : undefined
    const [full, wrong] = [messageOf(memory), messageOf(validation) ?? messageOf(internal)]
    if (full !== undefined) throw memoryError(full, got)
    if (wrong !== undefined) throw validationError(wrong, got)
    if (result?.status === 'fulfilled') return result.value as T
    const { reason } = result as PromiseRejectedResult
    throw EspalierError.isInstance(reason) ? reason : validationError(String(reason?.message ?? reason), got)
  }

  /** Ends the device. */
  close(): void {
    this.closed = true
    this.dropSlots()
    this.device.destroy()
  }
}
