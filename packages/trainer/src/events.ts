/** Every event of a run, in one place. `--json` prints them as they are. */

/** What is known before the first step. */
export interface StartEvent {
  readonly type: 'start'
  /** Steps done before: those of the checkpoint that the run goes on from, 0 of a new run. */
  readonly step: number
  /** Epochs done before, as a fraction. */
  readonly epoch: number
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  readonly trainableParameters: number
}

/** One optimizer step. A slow reader sees only the newest of several. */
export interface StepEvent {
  readonly type: 'step'
  /** From 1. */
  readonly step: number
  readonly totalSteps: number
  /** Epochs done, as a fraction. */
  readonly epoch: number
  /** Mean over the step's counted items, not smoothed. */
  readonly loss: number
  /** The rate that the step used. */
  readonly learningRate: number
  /** L2 norm of all gradients before clipping. */
  readonly gradNorm: number
  /** Tokens without padding. */
  readonly tokens: number
  /** Items counted in the loss. */
  readonly usefulTokens: number
  /** Wall time of the step. */
  readonly seconds: number
  readonly tokensPerSecond: number
  /** Peak memory so far; 0 where it cannot be known. */
  readonly peakMemoryBytes: number
  /** Remaining steps times the median of the latest twenty; at step 1, which compiles, far too much. */
  readonly etaSeconds: number
}

/** One evaluation. */
export interface EvaluateEvent {
  readonly type: 'evaluate'
  readonly step: number
  readonly epoch: number
  readonly evalLoss: number
  readonly perplexity: number
  /** What is measured besides, by name: accuracy. */
  readonly metrics: Readonly<Record<string, number>>
  readonly seconds: number
  /** Whether it is the best so far. */
  readonly best: boolean
}

/** Something was saved. */
export interface SaveEvent {
  readonly type: 'save'
  readonly step: number
  /** Where, when it is a place. */
  readonly path: string | null
  /** A checkpoint on the way, or the end result. */
  readonly kind: 'checkpoint' | 'final'
}

/** Something to know that does not stop the run. */
export interface WarningEvent {
  readonly type: 'warning'
  readonly message: string
}

/** The run waits for `resume()`. */
export interface PauseEvent {
  readonly type: 'pause'
  readonly step: number
}

/** The run goes on. */
export interface ResumeEvent {
  readonly type: 'resume'
  readonly step: number
}

/** The run is over. */
export interface EndEvent {
  readonly type: 'end'
  readonly reason: 'done' | 'stopped' | 'aborted'
  readonly globalStep: number
  /** Mean of the steps' losses. */
  readonly trainingLoss: number
  readonly seconds: number
}

/** Everything that a run says. */
export type TrainingEvent =
  | StartEvent
  | StepEvent
  | EvaluateEvent
  | SaveEvent
  | WarningEvent
  | PauseEvent
  | ResumeEvent
  | EndEvent
