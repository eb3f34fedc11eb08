/** Options of a trainer's calls. */
import type { AllowedChange } from '../checkpoint/run-changes.js'
import type { EvaluationProgress } from './callbacks.js'

/** Options of calls that take a while. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** Told now and then how many rows were tokenized, by the call that prepares the data; SFTTrainer's task does. */
  readonly onRows?: (rows: number) => void
}

/** Options of `train`. */
export interface TrainOptions extends CallOptions {
  /** Goes on from the latest whole checkpoint in outputDir, or from that of a name in it or of a path, as the run would have that wrote it. Default false. */
  readonly resumeFromCheckpoint?: boolean | string
  /** What may be another than when that run began; each is named in a warning. Everything else that has changed is refused. */
  readonly allowChanges?: readonly AllowedChange[]
}

/** Options of `evaluate`. */
export interface EvaluateOptions extends CallOptions {
  /** Told after each batch how far it is. */
  readonly onProgress?: (progress: EvaluationProgress) => void
}
