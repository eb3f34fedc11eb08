/** What runs a compiled program: a session of ONNX Runtime, a packed program, or nothing at all when no result has elements. */
import type { HostArray } from '@espalier/core'
import type { PackedPlan } from './packed/packed-plan.js'
import type { SessionSource, Sessions } from './sessions.js'
import type { Transport } from './transport.js'

/** Tensors by slot, as they travel. */
export type WireData = Readonly<Record<string, HostArray>>

/** Where the host has the state of each slot. */
export type Bindings = Readonly<Record<string, { readonly state: number; readonly name: string }>>

/** Runs one program. */
export interface Runner {
  /** Bytes that a run needs, estimated. */
  readonly byteLength: number
  run(feeds: WireData, bindings: Bindings): Promise<WireData>
  release(): void
}

/** A program without any result. */
export const idleRunner: Runner = {
  byteLength: 0,
  run: async () => ({}),
  release() {},
}

/** A session, opened now and again whenever it was released for others. */
export async function sessionRunner(source: SessionSource, sessions: Sessions, transport: Transport): Promise<Runner> {
  await sessions.use(source)
  return {
    byteLength: source.plan.peakBytes + source.model.byteLength,
    async run(feeds, bindings) {
      // Asked for in one go: between the two, another program could push this session out.
      const opened = sessions.use(source)
      const answer = transport.request({ type: 'run', session: source.id, feeds, bindings })
      answer.catch(() => {}) // if the session could not be opened, that is the error to show
      await opened
      return answer
    },
    release: () => sessions.release(source.id),
  }
}

/** A packed program; undefined when its weights have more than 16 bits. */
export async function packedRunner(
  session: number,
  plan: PackedPlan,
  threads: number,
  transport: Transport,
): Promise<Runner | undefined> {
  const opened = await transport.request({ type: 'openPacked', session, plan, threads })
  if (!opened) return undefined
  return {
    byteLength: plan.size * 4,
    run: (feeds, bindings) => transport.request({ type: 'runPacked', session, feeds, bindings }),
    release() {
      transport.request({ type: 'closePacked', session }).catch(() => {}) // a closed backend has released it already
    },
  }
}
