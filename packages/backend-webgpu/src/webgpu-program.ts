/** A compiled program: checks what a run is given, records the plan's dispatches in one encoder, and reads the outputs. */
import {
  type BoundState,
  bindState,
  type CompiledProgram,
  checkFeeds,
  type HostTensor,
  ownSet,
  type Program,
  type ProgramSlots,
  programSlots,
  type RunArguments,
  type Turns,
} from '@espalier/core'
import type { LoadedPlan } from './loaded-plan.js'
import { toDevice } from './plan/host-bytes.js'
import { WebgpuState } from './webgpu-state.js'

/** A program and its plan on the device. */
export class WebgpuProgram implements CompiledProgram {
  private readonly slots: ProgramSlots

  constructor(
    private readonly program: Program,
    private readonly loaded: LoadedPlan,
    private readonly turns: Turns,
  ) {
    this.slots = programSlots(program)
  }

  get byteLength(): number {
    return this.loaded.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    const fed = new Map<string, Uint8Array>()
    // Copies: the caller may write to its arrays while this run waits.
    for (const [name, tensor] of checkFeeds(this.slots, this.program.name, feeds))
      fed.set(name, toDevice(tensor).slice())
    const bound = bindState(this.slots, this.program.name, state)
    for (const { set } of bound.values()) ownSet(set, WebgpuState).check()
    return this.turns.take(() =>
      this.loaded.run(fed, (slot) => {
        const { set, name } = bound.get(slot) as BoundState
        return ownSet(set, WebgpuState).get(name)
      }),
    )
  }

  dispose(): void {
    this.turns.whenFree(() => this.loaded.dispose())
  }
}
