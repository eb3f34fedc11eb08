/** A compiled program: checks what a run is given, and has its runner run it. */
import {
  type BoundState,
  bindState,
  type CompiledProgram,
  checkFeeds,
  type HostTensor,
  hostArray,
  ownSet,
  type Program,
  programSlots,
  type RunArguments,
  type Spec,
} from '@espalier/core'
import { OnnxState } from './onnx-state.js'
import type { Runner } from './runner.js'
import { runtimeError } from './runtime-error.js'
import { fromWire, toWire } from './wire.js'

/** What a program needs of its backend. */
export interface ProgramOwner {
  /** Notes work that `close` waits for. */
  finish<T>(work: Promise<T>): Promise<T>
}

/** A program and what runs it. */
export class OnnxProgram implements CompiledProgram {
  private readonly slots
  private readonly specs: ReadonlyMap<string, Spec>

  constructor(
    private readonly program: Program,
    private readonly runner: Runner,
    private readonly owner: ProgramOwner,
  ) {
    this.slots = programSlots(program)
    this.specs = new Map(Object.entries(program.outputs))
  }

  get byteLength(): number {
    return this.runner.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    const { name } = this.program
    const fed = checkFeeds(this.slots, name, feeds)
    const bound = bindState(this.slots, name, state)
    return this.owner.finish(this.compute(fed, bound))
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

  dispose(): void {
    this.runner.release()
  }
}

function locate({ set, name }: BoundState): { state: number; name: string } {
  const own = ownSet(set, OnnxState)
  own.check()
  return { state: own.id, name }
}
