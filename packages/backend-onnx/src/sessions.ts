/**
 * Sessions of the runtime. Each keeps its graph until it is released, so only some live at a time: the least recently used ones are
 * released, and made again from their models when they are needed. The first ones may keep an arena of memory for their intermediate
 * values, which is faster; those for which no room is left take them from the process's heap for the length of a run.
 */
import type { EmittedProgram } from './emit/emit-program.js'
import { runtimeError } from './runtime-error.js'
import type { Transport } from './transport.js'

/** How sessions are made. */
export interface SessionSettings {
  readonly options: (program: string, arena: boolean) => Readonly<Record<string, unknown>>
  /** Bytes that the arenas of live sessions may keep together, by estimate. */
  readonly arenaBytes: number
  /** Most live sessions. */
  readonly most: number
  readonly profiled: boolean
  /** What sessions take, measured; absent where it was not. */
  readonly cost?: SessionCost
}

/** What sessions take of memory, over the bytes of values that are alive at once. */
export interface SessionCost {
  /** Of an arena, per byte of values: it keeps what does not fit together. */
  readonly arena: number
  /** Of the heap, per byte of values of a session without an arena. */
  readonly heap: number
  /** Bytes of the graph and its feeds. */
  readonly session: number
}

/** Bytes that sessions take when they run in turns and are opened in this order. peaks: bytes of values alive at once, of each. */
export function sessionsMemory(peaks: readonly number[], arenaBytes: number, cost: SessionCost): number {
  let [kept, passing] = [0, 0]
  peaks.forEach((peak, i) => {
    if (i === 0 || kept + peak <= arenaBytes) kept += peak
    else passing = Math.max(passing, peak)
  })
  return cost.arena * kept + cost.heap * passing + cost.session * peaks.length
}

/** A program that can be made into a session at any time. */
export interface SessionSource extends EmittedProgram {
  readonly id: number
  readonly mounts?: readonly { readonly location: string; readonly id: number }[]
}

/** The live sessions of one backend. */
export class Sessions {
  /** In order of use, the least recently used first. */
  private readonly live = new Map<number, { readonly opened: Promise<unknown>; readonly arenaBytes: number }>()

  constructor(
    private readonly transport: Transport,
    private readonly settings: SessionSettings,
  ) {}

  /** Makes sure that a session lives and counts as used now. */
  async use(source: SessionSource): Promise<void> {
    const session = this.live.get(source.id) ?? this.open(source)
    this.live.delete(source.id)
    this.live.set(source.id, session)
    await session.opened
  }

  /** Releases a session if it lives. */
  release(id: number): void {
    if (!this.live.delete(id)) return
    this.transport.request({ type: 'close', session: id }).catch(() => {}) // a closed backend has released it already
  }

  private open(source: SessionSource) {
    this.makeRoom()
    const { peakBytes } = source.plan
    const held = [...this.live.values()].reduce((sum, { arenaBytes }) => sum + arenaBytes, 0)
    const arena = this.live.size === 0 || held + peakBytes <= this.settings.arenaBytes
    return { opened: this.opened(source, arena), arenaBytes: arena ? peakBytes : 0 }
  }

  private async opened({ model, plan, id, mounts }: SessionSource, arena: boolean): Promise<void> {
    try {
      await this.transport.request({
        type: 'open',
        session: id,
        model,
        plan: { ...plan, profiled: this.settings.profiled },
        options: this.settings.options(plan.program, arena),
        ...(mounts === undefined ? {} : { mounts }),
      })
    } catch (cause) {
      this.live.delete(id)
      throw runtimeError(cause, 'prepare', plan.program)
    }
  }

  private makeRoom(): void {
    for (const id of [...this.live.keys()].slice(0, Math.max(0, this.live.size + 1 - this.settings.most)))
      this.release(id)
  }
}
