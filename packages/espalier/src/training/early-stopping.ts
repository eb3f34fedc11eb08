/** Ends a run whose evaluations no longer get better: transformers' EarlyStoppingCallback. */
import { checkRange, checkWhole } from '@espalier/trainer'
import type { CallbackState, TrainerCallback } from './callbacks.js'

/** When it is enough. */
export interface EarlyStoppingOptions {
  /** Evaluations without a better loss after which the run stops, from 1 on. Default 1. */
  readonly earlyStoppingPatience?: number
  /** By how much a loss must be lower than the lowest before, from 0 on, to count as better. Default 0. */
  readonly earlyStoppingThreshold?: number
}

/**
 * Stops a run after so many evaluations in a row whose loss was not better than the lowest before. What it counted is kept in checkpoints, so
 * a run that goes on stops where it would have. Throws config.value for numbers out of range. Source: transformers' trainer_callback.py.
 */
export function earlyStopping({
  earlyStoppingPatience = 1,
  earlyStoppingThreshold = 0,
}: EarlyStoppingOptions = {}): TrainerCallback {
  checkWhole('earlyStoppingPatience', earlyStoppingPatience, 1)
  checkRange('earlyStoppingThreshold', earlyStoppingThreshold, 0, Number.POSITIVE_INFINITY, '[)')
  let counter = 0
  let lowest: number | null = null
  return {
    stateName: 'EarlyStoppingCallback',
    onTrainBegin(_, { globalStep }) {
      if (globalStep === 0) [counter, lowest] = [0, null]
    },
    onEvaluate(_, state, control, { evalLoss }) {
      const isBetter = lowest === null || lowest - evalLoss > earlyStoppingThreshold
      counter = isBetter ? 0 : counter + 1
      lowest = Math.min(lowest ?? evalLoss, evalLoss)
      if (counter >= earlyStoppingPatience && state.maxSteps > 0) control.shouldTrainingStop = true
    },
    state: () => ({
      args: {
        early_stopping_patience: earlyStoppingPatience,
        early_stopping_threshold: earlyStoppingThreshold,
      },
      attributes: { early_stopping_patience_counter: counter, lowest_loss: lowest },
    }),
    restore({ attributes }: CallbackState) {
      counter = Number(attributes.early_stopping_patience_counter ?? 0)
      lowest = typeof attributes.lowest_loss === 'number' ? attributes.lowest_loss : null
    },
  }
}
