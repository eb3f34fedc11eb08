/** A compiled program: checks what a run is given, and has its runner run it. */
import {
  type BoundState,
  bindState,
  checkFeeds,
  EspalierError,
  type Executable,
  type HostTensor,
  hostArray,
  type Program,
  programSlots,
  type RunArguments,
  type Spec,
} from '@espalier/core'
import { OnnxState } from './onnx-state.js'
import type { Runner } from './runner.js'
import { runtimeError } from './runtime-error.js'
import { fromWire, toWire } from './wire.js'

/** What an executable needs of its backend. */
export interface ExecutableOwner {
  /** Throws backend.closed after `close`. */
  check(): void
  /** Notes work that `close` waits for. */
  finish<T>(work: Promise<T>): Promise<T>
}

/** A program and what runs it, for all who compiled it. */
export class OnnxExecutable {
  private readonly slots
  private readonly specs: ReadonlyMap<string, Spec>
  private released = false

  constructor(
    readonly program: Program,
    private readonly runner: Runner,
    private readonly backend: ExecutableOwner,
  ) {
    this.slots = programSlots(program)
    this.specs = new Map(Object.entries(program.outputs))
  }

  get byteLength(): number {
    return this.runner.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    this.backend.check()
    const { name } = this.program
    if (this.released) throw releasedError(name)
    const fed = checkFeeds(this.slots, name, feeds)
    const bound = bindState(this.slots, name, state)
    return this.backend.finish(this.compute(fed, bound))
  }

  private async compute(
    fed: ReadonlyMap<string, HostTensor>,
    bound: ReadonlyMap<string, BoundState>,
  ): Promise<Record<string, HostTensor>> {
    const bindings = Object.fromEntries([...bound].map(([slot, at]) => [slot, locate(at)]))
    const feeds = Object.fromEntries([...fed].map(([slot, tensor]) => [slot, toWire(tensor).data]))
    try {
      return this.results(await this.runner.run(feeds, bindings))
    } catch (cause) {
      throw runtimeError(cause, 'run', this.program.name)
    }
  }

  private results(data: Readonly<Record<string, HostTensor['data']>>): Record<string, HostTensor> {
    return Object.fromEntries(
      [...this.specs].map(([slot, spec]) => [slot, fromWire(spec, data[slot] ?? hostArray(spec.dtype, 0))]),
    )
  }

  /** Gives back what runs it. */
  dispose(): void {
    if (this.released) return
    this.released = true
    this.runner.release()
  }
}

/** A program in the hands of one of those who compiled it. */
export class HeldExecutable implements Executable {
  private held = true

  constructor(
    private readonly shared: OnnxExecutable,
    private readonly letGo: () => void,
  ) {}

  get program(): Program {
    return this.shared.program
  }

  get byteLength(): number {
    return this.shared.byteLength
  }

  async run(runArguments: RunArguments): Promise<Record<string, HostTensor>> {
    if (!this.held) throw releasedError(this.program.name)
    return this.shared.run(runArguments)
  }

  release(): void {
    this.held = false
    this.letGo()
  }
}

function releasedError(program: string): EspalierError {
  return new EspalierError('backend.closed', { what: 'a released program was run', got: { program } })
}

function locate({ set, name }: BoundState): { state: number; name: string } {
  if (set instanceof OnnxState) {
    set.check()
    return { state: set.id, name }
  }
  throw new EspalierError('graph.slot', { what: 'a state set belongs to another backend', got: { name } })
}
