/** A compiled program: checks what a run is given, records the plan's dispatches in one encoder, and reads the outputs. */
import {
  type BoundState,
  bindState,
  checkFeeds,
  EspalierError,
  type Executable,
  type HostTensor,
  type Program,
  type ProgramSlots,
  programSlots,
  type RunArguments,
  type Turns,
} from '@espalier/core'
import type { LoadedPlan } from './loaded-plan.js'
import { toDevice } from './plan/host-bytes.js'
import { WebgpuState } from './webgpu-state.js'

/** What an executable needs of its backend. */
export interface ExecutableOwner {
  readonly turns: Turns
  /** Throws backend.closed after `close`. */
  check(): void
}

/** A program and its plan on the device. */
export class WebgpuExecutable implements Executable {
  private readonly slots: ProgramSlots
  private users = 1

  constructor(
    readonly program: Program,
    private readonly loaded: LoadedPlan,
    private readonly owner: ExecutableOwner,
    private readonly forget: () => void,
  ) {
    this.slots = programSlots(program)
  }

  get byteLength(): number {
    return this.loaded.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    this.owner.check()
    this.checkHeld()
    const fed = new Map<string, Uint8Array>()
    // Copies: the caller may write to its arrays while this run waits.
    for (const [name, tensor] of checkFeeds(this.slots, this.program.name, feeds))
      fed.set(name, toDevice(tensor).slice())
    const bound = bindState(this.slots, this.program.name, state)
    for (const at of bound.values()) ownState(at).check()
    return this.owner.turns.take(async () => {
      this.checkHeld() // a backend that was closed since waits for it
      return this.loaded.run(fed, (slot) => {
        const at = bound.get(slot) as BoundState
        return ownState(at).get(at.name)
      })
    })
  }

  private checkHeld(): void {
    if (this.users > 0) return
    throw new EspalierError('backend.closed', {
      what: 'the executable was released',
      got: { program: this.program.name },
    })
  }

  /** Whether its last user has released it. */
  get isReleased(): boolean {
    return this.users === 0
  }

  /** The same program for one more user; it is released when each of them has released it. */
  hold(): this {
    this.users++
    return this
  }

  release(): void {
    if (this.users === 0 || --this.users > 0) return
    this.forget()
    this.owner.turns.whenFree(() => this.dispose())
  }

  /** Gives the plan's buffers back. */
  dispose(): void {
    this.users = 0
    this.loaded.dispose()
  }
}

function ownState({ set, name }: BoundState): WebgpuState {
  if (set instanceof WebgpuState) return set
  throw new EspalierError('graph.slot', { what: 'a state set belongs to another backend', got: { name } })
}
