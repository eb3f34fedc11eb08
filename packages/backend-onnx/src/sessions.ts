/**
 * Sessions of the runtime. Each keeps its graph until it is released, so only some live at a time: the least recently used ones are
 * released, and made again from their models when they are needed. Intermediate values are not theirs: they come from the process's
 * heap for the length of a run.
 */
import type { EmittedProgram } from './emit/emit-program.js'
import { runtimeError } from './runtime-error.js'
import type { Transport } from './transport.js'

/** How sessions are made. */
export interface SessionSettings {
  readonly options: (program: string) => Readonly<Record<string, unknown>>
  /** Most live sessions. */
  readonly most: number
  readonly profiled: boolean
}

/** A program that can be made into a session at any time. */
export interface SessionSource extends EmittedProgram {
  readonly id: number
  readonly mounts?: readonly { readonly location: string; readonly id: number }[]
}

/** The live sessions of one backend. */
export class Sessions {
  /** In order of use, the least recently used first. */
  private readonly live = new Map<number, Promise<unknown>>()

  constructor(
    private readonly transport: Transport,
    private readonly settings: SessionSettings,
  ) {}

  /** Makes sure that a session lives and counts as used now. */
  async use(source: SessionSource): Promise<void> {
    const found = this.live.get(source.id)
    if (found === undefined) this.makeRoom()
    const opened = found ?? this.open(source)
    this.live.delete(source.id)
    this.live.set(source.id, opened)
    await opened
  }

  /** Releases a session if it lives. */
  release(id: number): void {
    if (!this.live.delete(id)) return
    this.transport.request({ type: 'close', session: id }).catch(() => {}) // a closed backend has released it already
  }

  private async open(source: SessionSource): Promise<void> {
    const { model, plan, id, mounts } = source
    try {
      await this.transport.request({
        type: 'open',
        session: id,
        model,
        plan: { ...plan, profiled: this.settings.profiled },
        options: this.settings.options(plan.program),
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
