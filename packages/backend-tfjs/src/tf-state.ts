/** State sets: kept tensors that a run replaces. */
import {
  checkStateWrite,
  type HostTensor,
  releasedSetError,
  type Spec,
  type StateSet,
  type Turns,
  unknownStateError,
} from '@espalier/core'
import { download, heldBytes, uploadAll } from './host-values.js'
import { runtimeError } from './runtime-error.js'
import type { TfNamespace, TfTensor } from './tf-namespace.js'

/** What a state set needs of its backend. */
export interface StateOwner {
  readonly tf: TfNamespace
  readonly turns: Turns
  forgetState(state: TfState): void
}

/** Mutable tensors. */
export class TfState implements StateSet {
  readonly specs: ReadonlyMap<string, Spec>
  readonly byteLength: number
  private readonly tensors: Map<string, TfTensor>
  private released = false

  constructor(
    private readonly owner: StateOwner,
    tensors: ReadonlyMap<string, HostTensor>,
  ) {
    this.specs = new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]))
    this.byteLength = [...this.specs.values()].reduce((sum, spec) => sum + heldBytes(spec), 0)
    this.tensors = uploadAll(owner.tf, tensors)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    for (const name of names) this.get(name)
    return this.owner.turns.take(async () => {
      const read = names.map(
        async (name) => [name, await download(this.get(name), this.specs.get(name) as Spec)] as const,
      )
      return new Map(
        await Promise.all(read).catch((cause) => {
          throw runtimeError(cause, { op: 'read of state' })
        }),
      )
    })
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    this.check()
    checkStateWrite(this.specs, tensors)
    const fresh = uploadAll(this.owner.tf, tensors)
    return this.owner.turns.take(async () => {
      if (this.released) for (const x of fresh.values()) x.dispose()
      this.check()
      this.commit(fresh)
    })
  }

  /** The tensor of a name. Throws graph.slot for an unknown one, backend.closed after release. */
  get(name: string): TfTensor {
    this.check()
    const tensor = this.tensors.get(name)
    if (tensor === undefined) throw unknownStateError(name, this.specs.keys())
    return tensor
  }

  /** Puts kept tensors in the place of others, which are disposed of. */
  commit(fresh: ReadonlyMap<string, TfTensor>): void {
    for (const [name, tensor] of fresh) {
      this.tensors.get(name)?.dispose()
      this.tensors.set(name, tensor)
    }
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

  /** Gives the tensors back now: for the backend, when nothing runs. */
  dispose(): void {
    this.released = true
    for (const x of this.tensors.values()) x.dispose()
    this.tensors.clear()
  }
}
