/** Types of host.mjs and of the requests that it answers. */
import type { HostArray } from '@espalier/core'
import type { Plan } from './emit/emit-program.js'
import type { PackedPlan } from './packed/packed-plan.js'

/** A tensor as it travels: its element type is one that the runtime holds. */
export interface WireTensor {
  readonly type: string
  readonly shape: readonly number[]
  readonly data: HostArray
}

/** A tensor that lies in a range of a file, as it is held. */
export interface WireFile {
  readonly type: string
  readonly shape: readonly number[]
  readonly file: { readonly path: string; readonly offset: number; readonly byteLength: number }
}

/** A tensor of a state set. */
export interface NamedTensor extends WireTensor {
  readonly name: string
}

/** What a host can be asked; answers are in `HostAnswers`. */
export type HostRequest =
  | {
      readonly type: 'open'
      readonly session: number
      readonly model: Uint8Array
      readonly plan: Plan
      readonly options: Readonly<Record<string, unknown>>
      readonly mounts?: readonly { readonly location: string; readonly id: number }[]
    }
  | { readonly type: 'close'; readonly session: number }
  | { readonly type: 'addWeight'; readonly id: number; readonly tensor: WireTensor | WireFile }
  | { readonly type: 'dropWeight'; readonly id: number }
  | { readonly type: 'createState'; readonly state: number; readonly tensors: readonly NamedTensor[] }
  | { readonly type: 'readState'; readonly state: number; readonly names: readonly string[] }
  | { readonly type: 'writeState'; readonly state: number; readonly tensors: readonly NamedTensor[] }
  | { readonly type: 'dropState'; readonly state: number }
  | {
      readonly type: 'run'
      readonly session: number
      readonly feeds: Readonly<Record<string, HostArray>>
      readonly bindings: Readonly<Record<string, { readonly state: number; readonly name: string }>>
    }
  | {
      readonly type: 'openPacked'
      readonly session: number
      readonly plan: PackedPlan
      readonly threads: number
    }
  | {
      readonly type: 'runPacked'
      readonly session: number
      readonly feeds: Readonly<Record<string, HostArray>>
      readonly bindings: Readonly<Record<string, { readonly state: number; readonly name: string }>>
    }
  | { readonly type: 'closePacked'; readonly session: number }

/** What a host answers, by the type of the request. */
export interface HostAnswers {
  readonly open: undefined
  readonly close: undefined
  readonly addWeight: undefined
  readonly dropWeight: undefined
  readonly createState: undefined
  readonly readState: readonly HostArray[]
  readonly writeState: undefined
  readonly dropState: undefined
  readonly run: Readonly<Record<string, HostArray>>
  /** False when the program's weights cannot be packed; it is then to be opened as a session. */
  readonly openPacked: boolean
  readonly runPacked: Readonly<Record<string, HostArray>>
  readonly closePacked: undefined
}

/** Answers requests, one at a time and in order. */
export declare class Host {
  constructor(ort: unknown, startMachine?: (threads: number) => Promise<unknown>)
  handle<K extends HostRequest['type']>(message: Extract<HostRequest, { type: K }>): Promise<HostAnswers[K]>
}
