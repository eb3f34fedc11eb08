/** Ends a run whose evaluations no longer get better: transformers' EarlyStoppingCallback. */
import { bestMetric, checkRange, checkWhole, isBetter, metricOf } from '@espalier/trainer'
import type { CallbackState, TrainerCallback } from './callbacks.js'

/** When it is enough. */
export interface EarlyStoppingOptions {
  /** Evaluations without a better metric after which the run stops, from 1 on. Default 1. */
  readonly earlyStoppingPatience?: number
  /** By how much a metric must be better than the best before, from 0 on, to count. Default 0. */
  readonly earlyStoppingThreshold?: number
}

/**
 * Stops a run after so many evaluations in a row whose metric, `metricForBestModel`, was not better than the best before. What it counted is kept in checkpoints, so
 * a run that goes on stops where it would have. Throws config.value for numbers out of range. Source: transformers' trainer_callback.py.
 */
export function earlyStopping({
  earlyStoppingPatience = 1,
  earlyStoppingThreshold = 0,
}: EarlyStoppingOptions = {}): TrainerCallback {
  checkWhole('earlyStoppingPatience', earlyStoppingPatience, 1)
  checkRange('earlyStoppingThreshold', earlyStoppingThreshold, 0, Number.POSITIVE_INFINITY, '[)')
  let counter = 0
  let best: number | null = null
  return {
    stateName: 'EarlyStoppingCallback',
    onTrainBegin(_, { globalStep }) {
      if (globalStep === 0) [counter, best] = [0, null]
    },
    onEvaluate(args, state, control, evaluation) {
      const compared = bestMetric(args)
      const metric = metricOf(compared, evaluation)
      counter = isBetter(compared, metric, best, earlyStoppingThreshold) ? 0 : counter + 1
      if (isBetter(compared, metric, best)) best = metric
      if (counter >= earlyStoppingPatience && state.maxSteps > 0) control.shouldTrainingStop = true
    },
    state: () => ({
      args: {
        early_stopping_patience: earlyStoppingPatience,
        early_stopping_threshold: earlyStoppingThreshold,
      },
      attributes: { early_stopping_patience_counter: counter, best_metric: written(best) },
    }),
    restore({ attributes }: CallbackState) {
      const { early_stopping_patience_counter: counted } = attributes
      counter = Number.isSafeInteger(counted) ? (counted as number) : 0
      best = readBest(attributes.best_metric)
    },
  }
}

// JSON has no infinite numbers, and a perplexity may be one.
function written(best: number | null): number | string | null {
  return best === null || Number.isFinite(best) ? best : String(best)
}

function readBest(held: unknown): number | null {
  return typeof held === 'number' || held === 'Infinity' || held === '-Infinity' ? Number(held) : null
}
