/** State sets: a buffer for each tensor, which runs write to. */
import {
  checkStateWrite,
  type HostTensor,
  releasedSetError,
  type Spec,
  type StateSet,
  type Turns,
  unknownStateError,
} from '@espalier/core'
import { type GpuBuffer, MAP_READ, USAGE } from './device/gpu.js'
import type { Runtime } from './device/runtime.js'
import { deviceBytes, fromDevice, toDevice } from './plan/host-bytes.js'

/** What a state set needs of its backend. */
export interface StateOwner {
  readonly turns: Turns
  forgetState(state: WebgpuState): void
}

/** Mutable tensors. */
export class WebgpuState implements StateSet {
  readonly specs: ReadonlyMap<string, Spec>
  readonly byteLength: number
  private readonly buffers: ReadonlyMap<string, GpuBuffer>
  private released = false

  constructor(
    private readonly owner: StateOwner,
    private readonly runtime: Runtime,
    tensors: ReadonlyMap<string, HostTensor>,
  ) {
    this.specs = new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]))
    this.byteLength = [...this.specs.values()].reduce((sum, spec) => sum + deviceBytes(spec), 0)
    this.buffers = new Map([...this.specs].map(([name, spec]) => [name, runtime.buffer(deviceBytes(spec), name)]))
    this.put(tensors)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    for (const name of names) this.get(name)
    return this.owner.turns.take(async () => {
      const wanted = names.map((name) => ({ name, buffer: this.get(name), spec: this.specs.get(name) as Spec }))
      const total = wanted.reduce((sum, { spec }) => sum + deviceBytes(spec), 0)
      const { device } = this.runtime
      return this.runtime.guarded(
        async () => {
          const staging = this.runtime.buffer(total, 'read of state', USAGE.mapRead | USAGE.copyTarget)
          const encoder = device.createCommandEncoder()
          let offset = 0
          for (const { buffer, spec } of wanted) {
            const bytes = deviceBytes(spec)
            if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, bytes)
            offset += bytes
          }
          device.queue.submit([encoder.finish()])
          await staging.mapAsync(MAP_READ)
          const all = new Uint8Array(staging.getMappedRange())
          offset = 0
          const read = wanted.map(({ name, spec }): [string, HostTensor] => {
            const bytes = deviceBytes(spec)
            offset += bytes
            return [name, fromDevice(spec, all.subarray(offset - bytes, offset))]
          })
          staging.unmap()
          staging.destroy()
          return new Map(read)
        },
        { op: 'read of state' },
      )
    })
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    this.check()
    checkStateWrite(this.specs, tensors)
    const copies = new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]))
    return this.owner.turns.take(async () => {
      this.check()
      await this.runtime.guarded(() => this.put(copies), { op: 'write of state' })
    })
  }

  private put(tensors: ReadonlyMap<string, HostTensor>): void {
    for (const [name, tensor] of tensors)
      if (tensor.data.length > 0) this.runtime.device.queue.writeBuffer(this.get(name), 0, toDevice(tensor))
  }

  /** The buffer of a name. Throws graph.slot for an unknown one, backend.closed after release. */
  get(name: string): GpuBuffer {
    this.check()
    const buffer = this.buffers.get(name)
    if (buffer === undefined) throw unknownStateError(name, this.specs.keys())
    return buffer
  }

  /** Throws backend.closed after `release`. */
  check(): void {
    if (this.released) throw releasedSetError('state', this.specs.keys())
  }

  release(): void {
    if (this.released) return
    this.released = true
    this.owner.forgetState(this)
    this.owner.turns.whenFree(() => this.dispose())
  }

  /** Gives the buffers back now: for the backend, when nothing runs. */
  dispose(): void {
    this.released = true
    for (const buffer of this.buffers.values()) buffer.destroy()
  }
}
