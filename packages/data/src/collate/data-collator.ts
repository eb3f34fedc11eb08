/** What a collator is: examples of one step become feeds of a fixed shape, and counts. Which shapes there are is left to batch-plan.ts. */
import type { HostTensor } from '@espalier/core'
import type { BatchShape } from './split-step.js'

/** A micro-batch that is ready to be fed. */
export interface CollatedBatch {
  /** Arrays by the names that the loss reads. */
  readonly feeds: Readonly<Record<string, HostTensor>>
  /** Items that count: what the step's loss is divided by. */
  readonly count: number
  /** Ids without padding. */
  readonly tokens: number
}

/** From examples to feeds. transformers' data collators, with the shape to fill given. */
export interface DataCollator<Example> {
  /**
   * A micro-batch of the shape; of padding alone for no examples. draw: names the micro-batch in its run, for who leaves something to
   * chance: the same draw gives the same feeds. Throws shape.mismatch when they do not fit.
   */
  collate(examples: readonly Example[], shape: BatchShape, draw?: string): CollatedBatch
}

/** Prepared examples by number. */
export interface Examples<Example> {
  /** Number of examples. */
  readonly length: number
  /** Number of ids of each example. */
  readonly lengths: Int32Array
  /** Positions of each example that are projected to the vocabulary; 0 for losses that project none. */
  readonly counts: Int32Array
  example(index: number): Promise<Example>
  /** Whether any has token types. A model is given them where one has. */
  readonly haveTokenTypes?: boolean
  /** What to know of the rows before they train: how many were dropped or cut. */
  readonly warnings?: readonly string[]
  /** Rows that were cut to a length, where they may be. */
  readonly cut?: number
}
