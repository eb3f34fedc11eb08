/** Compiled programs of a backend: equal ones over the same weights are compiled once, and everybody who compiled one lets go of it alone. */
import type { HostTensor } from '../dtype.js'
import { type Shared, sharedIn } from '../shared-work.js'
import type { Executable, RunArguments, WeightSet } from './backend.js'
import type { Program } from './program.js'
import { ProgramMap } from './program-map.js'
import { releasedProgramError } from './set-errors.js'

/** What a backend makes of a program. */
export interface CompiledProgram {
  /** As `Executable.byteLength`. */
  readonly byteLength: number
  /** As `Executable.run`; it is not called after `dispose`. */
  run(runArguments: RunArguments): Promise<Record<string, HostTensor>>
  /** Gives back what it holds, after the runs that were asked for before. Called once. */
  dispose(): void
}

/** What is asked for in one compilation. */
export interface Compilation<W extends WeightSet> {
  readonly program: Program
  readonly weights: W | undefined
  /** Ends this caller's waiting; the work stops when nobody waits. */
  readonly signal?: AbortSignal
}

/** All programs that a backend has compiled. */
export class CompiledPrograms<W extends WeightSet, P extends CompiledProgram> {
  private readonly known = new Map<W | undefined, ProgramMap<Shared<P>>>()

  /** checkOpen: throws backend.closed once the backend is closed. */
  constructor(private readonly checkOpen: () => void) {}

  /** The program in the hands of one more user: `make` is called where nobody has it. */
  async compile({ program, weights, signal }: Compilation<W>, make: () => Promise<P>): Promise<Executable> {
    const known = this.known.get(weights) ?? new ProgramMap<Shared<P>>()
    this.known.set(weights, known)
    const shared = sharedIn(known, program, () => ({ make, release: (compiled) => compiled.dispose() }))
    const { value, release } = shared.hold(signal)
    return new HeldProgram(program, await value, shared, release, this.checkOpen)
  }

  /** Ends the programs over weights that are given back, also for those who hold them. */
  end(weights: W): void {
    const known = this.known.get(weights)
    this.known.delete(weights)
    for (const shared of known?.values() ?? []) shared.end()
  }

  /** Ends all programs, and waits for those that are being made. */
  async clear(): Promise<void> {
    const all = [...this.known.values()].flatMap((known) => known.values())
    this.known.clear()
    for (const shared of all) shared.end()
    await Promise.allSettled(all.map((shared) => shared.wait()))
  }
}

/** A program in the hands of one of those who compiled it. */
class HeldProgram implements Executable {
  private held = true

  constructor(
    readonly program: Program,
    private readonly compiled: CompiledProgram,
    private readonly shared: { readonly hasEnded: boolean },
    private readonly letGo: () => void,
    private readonly checkOpen: () => void,
  ) {}

  get byteLength(): number {
    return this.compiled.byteLength
  }

  async run(runArguments: RunArguments): Promise<Record<string, HostTensor>> {
    this.checkOpen()
    if (!this.held || this.shared.hasEnded) throw releasedProgramError(this.program.name)
    return this.compiled.run(runArguments)
  }

  release(): void {
    this.held = false
    this.letGo()
  }
}
