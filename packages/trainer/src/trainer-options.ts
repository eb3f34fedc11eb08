/** What a trainer is made of and told. Numbers and their defaults; the loop itself is in loop.ts. */
import type { Backend, LossFunction, TrainableModel, WeightSet } from '@espalier/core'
import type { EvaluationSource, StepSource } from './batches.js'
import type { BestMetricOptions } from './best-metric.js'
import type { EvaluationMetrics } from './evaluate.js'
import type { TrainingEvent } from './events.js'
import type { RunMoment } from './moments.js'
import type { Optimizer } from './optimizers/optimizer.js'
import type { SchedulerType } from './schedule.js'
import type { TrainingSession } from './session.js'
import type { RunPosition, TrainingState } from './training-state.js'
import type { TrainingTransform } from './training-transform.js'

/** When something happens: never, every so many steps, or at the end of epochs. */
export type Cadence = 'no' | 'epoch' | { readonly steps: number }

/** Numbers of a run; names and meanings are transformers'. */
export interface TrainingSettings extends BestMetricOptions {
  /** Default 2e-4. */
  readonly learningRate?: number
  /** Default linear. */
  readonly lrSchedulerType?: SchedulerType
  readonly lrSchedulerKwargs?: Readonly<Record<string, unknown>>
  /** Steps, or below 1 a share of all steps. Default 0. */
  readonly warmupSteps?: number
  /** Share of all steps, up to 1; counts where `warmupSteps` is 0. */
  readonly warmupRatio?: number
  /** Decoupled decay of what is neither bias nor norm. Default 0. */
  readonly weightDecay?: number
  /** Default 1; 0 turns clipping off. */
  readonly maxGradNorm?: number
  /** Of dropout. Default 42. */
  readonly seed?: number
  readonly evaluateEvery?: Cadence
  readonly saveEvery?: Cadence
  /** Ends with the values of the best evaluation. */
  readonly loadBestModelAtEnd?: boolean
}

/** How a run ended. */
export interface RunOutcome {
  readonly reason: 'done' | 'stopped' | 'aborted'
  /** Mean of the steps' losses. */
  readonly trainingLoss: number
  /** From the run's start. */
  readonly seconds: number
}

/** What a save hook is told; the model holds the values already. */
export interface SaveContext {
  readonly step: number
  readonly epoch: number
  readonly kind: 'checkpoint' | 'final'
  /** The best evaluation so far; null without an evaluation. */
  readonly best: RunPosition['best']
  /** Whether what is saved are the values of that step. */
  readonly isBest: boolean
  /** How the run ended; null of a checkpoint. */
  readonly outcome: RunOutcome | null
  /** What the run goes on from; of a checkpoint, and while it is being saved. */
  state(): Promise<TrainingState>
}

/** What the hook between accumulation and the optimizer sees. */
export interface GradientContext {
  readonly step: number
  readonly count: number
  readonly session: TrainingSession
}

/** What the hook after the optimizer sees: `session.read`, `session.write`, and the gradients as the optimizer saw them. */
export interface OptimizerStepContext {
  readonly step: number
  readonly session: TrainingSession
}

/** What a trainer is made of. */
export interface TrainerOptions {
  readonly model: TrainableModel
  readonly backend: Backend
  readonly weights: WeightSet
  readonly steps: StepSource
  readonly evaluation?: EvaluationSource
  /** What evaluations measure besides the loss. */
  readonly metrics?: EvaluationMetrics
  /** Default: the task's own. */
  readonly loss?: LossFunction
  /** Rewrite the program that accumulates gradients, in order: recomputation, another dtype. */
  readonly transforms?: readonly TrainingTransform[]
  /** Default AdamW. */
  readonly optimizer?: Optimizer
  readonly settings?: TrainingSettings
  /** What to know of the model and its data: an event each, once the run has started. */
  readonly warnings?: readonly string[]
  /** Goes on from this state of a run of the same model, data and settings, as that run would have. */
  readonly resume?: TrainingState
  /** Writes what the model holds; returns where. */
  save?(context: SaveContext): Promise<string | null>
  /** Runs between gradients and the optimizer; may return another count, as data parallelism would. */
  onGradients?(context: GradientContext): Promise<number | undefined>
  /** Runs after each optimizer step, and after what the model's own tuner does then. */
  onOptimizerStep?(context: OptimizerStepContext): Promise<void>
  /** Bytes of peak memory so far. */
  peakMemory?(): number
  /** Told every event, also those that a slow reader of the run does not see. The loop waits for it. */
  onEvent?(event: TrainingEvent): void | Promise<void>
  /** Called between events. The loop waits for it. */
  onMoment?(moment: RunMoment): void | Promise<void>
}

/** Base rate when none is given. */
export const DEFAULT_RATE = 2e-4
/** transformers' seed. */
export const DEFAULT_SEED = 42
