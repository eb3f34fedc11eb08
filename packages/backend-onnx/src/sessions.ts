/**
 * Sessions of the runtime. Each keeps its memory until it is released, so only some live at a time: the least recently used ones are
 * released, and made again from their models when they are needed.
 */
import type { EmittedProgram } from './emit/emit-program.js'
import { runtimeError } from './runtime-error.js'
import type { Transport } from './transport.js'

/** Limits on live sessions. */
export interface SessionBudget {
  /** Bytes of intermediate values that all live sessions may keep together, by estimate. */
  readonly byteLength: number
  readonly count: number
}

/** How sessions are made. */
export interface SessionSettings {
  readonly options: (program: string) => Readonly<Record<string, unknown>>
  readonly budget: SessionBudget
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
  private readonly live = new Map<number, { readonly source: SessionSource; readonly opened: Promise<unknown> }>()

  constructor(
    private readonly transport: Transport,
    private readonly settings: SessionSettings,
  ) {}

  /** Makes sure that a session lives and counts as used now. */
  async use(source: SessionSource): Promise<void> {
    const found = this.live.get(source.id)
    const opened = found?.opened ?? this.open(source)
    this.live.delete(source.id)
    this.live.set(source.id, { source, opened })
    this.shrink()
    await opened
  }

  /** Releases a session if it lives. */
  release(id: number): void {
    if (!this.live.delete(id)) return
    this.transport.request({ type: 'close', session: id }).catch(() => {}) // a closed backend has released it already
  }

  private async open(source: SessionSource): Promise<void> {
    const { model, plan, id, mounts } = source
    // Room is made first: two large sessions must not overlap when only one fits.
    this.shrink(source)
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

  private shrink(coming?: SessionSource): void {
    const { byteLength, count } = this.settings.budget
    const cost = (source: SessionSource) => source.plan.peakBytes
    let bytes = [...this.live.values()].reduce(
      (sum, { source }) => sum + cost(source),
      coming === undefined ? 0 : cost(coming),
    )
    const room = coming === undefined ? 1 : 0 // the newest always stays
    for (const [id, { source }] of [...this.live]) {
      if (this.live.size <= room || (bytes <= byteLength && this.live.size + (1 - room) <= count)) return
      bytes -= cost(source)
      this.release(id)
    }
  }
}
