/** What the trainer asks of data: steps made of micro-batches whose feeds are ready. Tokenizing, padding and order are made elsewhere. */
import type { Feeds } from './programs.js'

/** Rows that go through the model together. */
export interface MicroBatch {
  readonly feeds: Feeds
  /** Items counted in the loss: what the step's sum is divided by. */
  readonly count: number
  /** Tokens without padding. */
  readonly tokens: number
}

/** One optimizer step. */
export interface StepBatch {
  readonly microBatches: readonly MicroBatch[]
  /** Epochs done after this step, as a fraction: of the rows in batches before accumulation, as transformers counts. */
  readonly epoch: number
  readonly endsEpoch: boolean
}

/** Steps of a run, in order. */
export interface StepSource {
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  /** Those from `first` on, which is 0 unless given: the ones that a run from the start would take then. */
  steps(first?: number): AsyncIterable<StepBatch> | Iterable<StepBatch>
}

/** Batches of an evaluation, anew for each. */
export interface EvaluationSource {
  /** Tokens of all batches without padding, where they are known before. */
  readonly totalTokens?: number
  batches(): AsyncIterable<MicroBatch> | Iterable<MicroBatch>
}
