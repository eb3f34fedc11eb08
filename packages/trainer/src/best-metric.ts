/** Which evaluation is the best of a run: transformers' `metric_for_best_model` and `greater_is_better`. */
import { EspalierError, nearest } from '@espalier/core'
import type { Evaluation } from './evaluate.js'

/** What is compared, and which way. */
export interface BestMetric {
  /** A metric of evaluations, without `eval_` in front: `loss`, `perplexity`, or what the metrics compute. */
  readonly name: string
  readonly greaterIsBetter: boolean
}

/** How the best is chosen. */
export interface BestMetricOptions {
  /** A metric of evaluations, with or without `eval_` in front. Default 'loss'. */
  readonly metricForBestModel?: string | undefined
  /** Default, as in transformers: unless the name ends with `loss`. Of a perplexity it must be said. */
  readonly greaterIsBetter?: boolean | undefined
}

/** The metric that a run compares. Throws config.value for no name, and for a perplexity that transformers would take for better when it is greater. Source: transformers' training_args.py. */
export function bestMetric({ metricForBestModel = 'loss', greaterIsBetter }: BestMetricOptions): BestMetric {
  const name = metricForBestModel.replace(/^eval_/, '')
  if (name === '')
    throw new EspalierError('config.value', {
      what: 'metricForBestModel names no metric',
      got: { metricForBestModel },
      fix: "Name a metric of the evaluations, such as 'loss' or 'accuracy', or leave it out",
    })
  if (name.endsWith('perplexity') && greaterIsBetter === undefined)
    throw new EspalierError('config.value', {
      what: 'a metric whose name does not end with loss is better when it is greater, unless it is said',
      got: { metricForBestModel },
      fix: 'Set greaterIsBetter to false',
    })
  return { name, greaterIsBetter: greaterIsBetter ?? !name.endsWith('loss') }
}

/** Its value in an evaluation. Throws config.value, with the names there are, where the evaluation has no such metric. */
export function metricOf(compared: BestMetric, { evalLoss, perplexity, metrics }: Evaluation): number {
  const found: Readonly<Record<string, number>> = { loss: evalLoss, perplexity, ...metrics }
  requireMetric(compared, Object.keys(found))
  return found[compared.name] as number
}

/** What every evaluation has, without metrics too. */
export const plainMetrics: readonly string[] = ['loss', 'perplexity']

/** Throws config.value for a metric that is none of these names. */
export function requireMetric({ name }: BestMetric, names: readonly string[]): void {
  if (names.includes(name)) return
  throw new EspalierError('config.value', {
    what: 'evaluations have no metric of this name to choose the best model by',
    got: { metricForBestModel: name, metrics: names },
    fix: `Set metricForBestModel to ${nearest(name, names) ?? 'one of them'}, or return it from computeMetrics`,
  })
}

/** Whether a value is better than the best before it, by more than a threshold; null: there is none yet. What is no number never is. */
export function isBetter({ greaterIsBetter }: BestMetric, value: number, best: number | null, threshold = 0): boolean {
  if (Number.isNaN(value)) return false
  if (best === null) return true
  return (greaterIsBetter ? value - best : best - value) > threshold
}
