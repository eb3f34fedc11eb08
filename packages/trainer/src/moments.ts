/** Points of a run that are no events: whoever is called there may take its time, the loop waits. Names and order are those of transformers' callbacks. */

/** An epoch or a step begins, or an epoch ended: after its last step, or with the run. */
export interface TrainingMoment {
  readonly type: 'epoch-begin' | 'step-begin' | 'epoch-end'
  /** Steps done. */
  readonly step: number
  /** Epochs done, as a fraction. */
  readonly epoch: number
}

/** A batch of an evaluation is done. */
export interface EvaluationMoment {
  readonly type: 'prediction-step'
  /** Tokens of the evaluation so far, without padding. */
  readonly tokens: number
  /** Of the whole evaluation, where its data tell. */
  readonly totalTokens?: number
}

/** Any of them. */
export type RunMoment = TrainingMoment | EvaluationMoment
