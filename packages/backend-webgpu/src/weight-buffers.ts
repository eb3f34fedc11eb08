/** Buffers of weights by their sources: loaded once, shared by sets, and given back with the last of them. */
import {
  byteSize,
  type DType,
  hostTensorFromBytes,
  type ParameterSource,
  type ProgressOptions,
  type Spec,
  sizeOf,
  type WeightRequest,
} from '@espalier/core'
import type { Runtime } from './device/runtime.js'
import { inDType, toDevice } from './plan/host-bytes.js'
import type { SharedWeight } from './webgpu-weights.js'

interface Loaded {
  readonly weight: Promise<SharedWeight>
  users: number
}

interface LoadOptions extends ProgressOptions {
  /** Throws when loading has become useless. */
  readonly check: () => void
}

/** All weights on one device. */
export class WeightBuffers {
  private readonly loaded = new Map<ParameterSource, Map<DType, Loaded>>()

  /** The weights of a set, and what gives them back. */
  async load(runtime: Runtime, sources: ReadonlyMap<string, WeightRequest>, options: LoadOptions) {
    const { signal, onProgress, check } = options
    const total = [...sources.values()].reduce((sum, { source }) => sum + bytesOf(source), 0)
    const taken: WeightRequest[] = []
    const weights = new Map<string, SharedWeight>()
    const drop = () => {
      for (const request of taken) void this.drop(request)
    }
    let done = 0
    try {
      // One after the other, so that the host holds one at a time.
      for (const [name, request] of sources) {
        signal?.throwIfAborted()
        check()
        const loading = this.take(runtime, name, request)
        taken.push(request)
        weights.set(name, await loading)
        done += bytesOf(request.source)
        onProgress?.(done, total, name)
      }
    } catch (error) {
      drop()
      throw error
    }
    return { weights, drop }
  }

  private take(runtime: Runtime, name: string, { source, dtype }: WeightRequest): Promise<SharedWeight> {
    const known = this.loaded.get(source) ?? new Map<DType, Loaded>()
    this.loaded.set(source, known)
    const before = known.get(dtype)
    if (before !== undefined) {
      before.users++
      return before.weight
    }
    const weight = source.read().then((bytes) => {
      const stored = dtype === 'f32' && isHalf(source.dtype) ? source.dtype : dtype
      const tensor = inDType(hostTensorFromBytes(source.dtype, source.shape, bytes), stored)
      const own = toDevice(tensor)
      return runtime.guarded(
        (): SharedWeight => {
          const buffer = runtime.buffer(own.byteLength, name)
          if (own.byteLength > 0) runtime.device.queue.writeBuffer(buffer, 0, own)
          return { buffer, source, stored, spec: { dtype, shape: source.shape } }
        },
        { weight: name },
      )
    })
    known.set(dtype, { weight, users: 1 })
    weight.catch(() => {}) // whoever waits for it is told
    return weight
  }

  private async drop({ source, dtype }: WeightRequest): Promise<void> {
    const known = this.loaded.get(source)
    const entry = known?.get(dtype)
    if (known === undefined || entry === undefined || --entry.users > 0) return
    known.delete(dtype)
    if (known.size === 0) this.loaded.delete(source)
    await entry.weight.then(
      ({ buffer }) => buffer.destroy(),
      () => {}, // nothing was loaded, and the loader has seen the error
    )
  }

  /** Gives all of them back. */
  async clear(): Promise<void> {
    const all = [...this.loaded.values()].flatMap((known) => [...known.values()])
    this.loaded.clear()
    for (const one of await Promise.allSettled(all.map(({ weight }) => weight)))
      if (one.status === 'fulfilled') one.value.buffer.destroy()
  }
}

function bytesOf({ dtype, shape }: Spec): number {
  return sizeOf(shape) * byteSize(dtype)
}

function isHalf(dtype: DType): boolean {
  return dtype === 'f16' || dtype === 'bf16'
}
