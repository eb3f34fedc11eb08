/** State sets: tensors that live where the runtime is. */
import {
  checkStateWrite,
  type HostTensor,
  hostArray,
  releasedSetError,
  type Spec,
  type StateSet,
  sizeOf,
  unknownStateError,
} from '@espalier/core'
import { heldBytes, type Transport } from './transport.js'
import { fromWire, toOwnWire } from './wire.js'

/** A state set in the host. */
export class OnnxState implements StateSet {
  readonly byteLength: number
  private released = false

  constructor(
    readonly id: number,
    readonly specs: ReadonlyMap<string, Spec>,
    private readonly transport: Transport,
  ) {
    this.byteLength = [...specs.values()].reduce((sum, spec) => sum + heldBytes(spec), 0)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    const filled = names.filter((name) => sizeOf(this.specOf(name).shape) > 0)
    const data = await this.transport.request({ type: 'readState', state: this.id, names: filled })
    const read = new Map(filled.map((name, i) => [name, data[i] as HostTensor['data']]))
    return new Map(
      names.map((name) => [name, fromWire(this.specOf(name), read.get(name) ?? hostArray(this.specOf(name).dtype, 0))]),
    )
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    this.check()
    checkStateWrite(this.specs, tensors)
    const filled = [...tensors].filter(([, tensor]) => tensor.data.length > 0)
    await this.transport.request({
      type: 'writeState',
      state: this.id,
      tensors: filled.map(([name, tensor]) => ({ name, ...toOwnWire(tensor) })),
    })
  }

  release(): void {
    if (this.released) return
    this.released = true
    this.transport.request({ type: 'dropState', state: this.id }).catch(() => {}) // a closed backend has dropped it already
  }

  /** Throws backend.closed after `release`. */
  check(): void {
    if (this.released) throw releasedSetError('state', this.specs.keys())
  }

  private specOf(name: string): Spec {
    this.check()
    const spec = this.specs.get(name)
    if (spec === undefined) throw unknownStateError(name, this.specs.keys())
    return spec
  }
}
