/** What a benchmark finds. */

/** A line of results. */
export interface Finding {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What is asked of it; undefined: only reported. */
  readonly target?: { readonly atLeast?: number; readonly atMost?: number }
}
