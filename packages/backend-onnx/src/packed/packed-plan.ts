/** What a packed program is sent to its machine as: where everything lies, and the steps in order. Offsets count 4-byte elements. */

/** A place: in the program's own arena, or the weight with that number in the plan's list. */
export interface Place {
  readonly space: 'arena' | 'weight'
  readonly offset: number
}

/** A weight: `packed` in 16 bits as (rows, columns), which lies `transposed` in the store, or as it is. */
export interface PackedWeight {
  readonly id: number
  readonly packed: boolean
  readonly rows: number
  readonly columns: number
  readonly transposed: boolean
}

/** A tensor that goes in before a run. */
export interface PackedInput {
  readonly slot: string
  readonly offset: number
  readonly count: number
  readonly bool: boolean
}

/** A tensor that is copied out after a run. */
export interface PackedOutput {
  readonly slot: string
  readonly offset: number
  readonly count: number
  readonly type: 'f32' | 'i32' | 'bool'
}

/** What a run does to a state slot; `start` is where the i32 lies that says at which entry of the axis the rows go. */
export interface PackedUpdate extends PackedOutput {
  readonly start?: number
  readonly axis: number
  readonly shape: readonly number[]
  /** Entries along the axis. */
  readonly entries: number
}

/** One step; the numbers and places that it needs are those of its function in steps.mjs. */
export type PackedStep = Readonly<Record<string, unknown>> & { readonly op: string }

/** A program for the machine. */
export interface PackedPlan {
  readonly program: string
  /** Elements of the arena. */
  readonly size: number
  readonly weights: readonly PackedWeight[]
  readonly constants: readonly { readonly y: Place; readonly data: Float32Array | Int32Array }[]
  readonly feeds: readonly PackedInput[]
  readonly state: readonly PackedInput[]
  readonly steps: readonly PackedStep[]
  readonly outputs: readonly PackedOutput[]
  readonly updates: readonly PackedUpdate[]
}
