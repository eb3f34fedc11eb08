/** Measuring predictions of labels: what transformers calls `compute_metrics`, and what is told where nothing else is asked for. */
import { cast, type HostTensor, passOf, sizeOf } from '@espalier/core'
import type { EvaluationMetrics, PredictedBatch } from '@espalier/trainer'
import { f1, macroF1, matthews, meanSquaredError, pearson, spearman } from './metrics.js'

/** Predictions and labels of everything that counts: of each row, or of each token. */
export interface EvalPrediction {
  /** Logits by label, one array per item. */
  readonly predictions: readonly Float32Array[]
  /** The label of each item; empty where items have a number for each label. */
  readonly labelIds: readonly number[]
  /** Numbers of each item, one for each label: values of a regression, or flags of labels that may hold at once. */
  readonly labels?: readonly Float32Array[]
}

/** Numbers by name, from all predictions of an evaluation. */
export type ComputeMetrics = (prediction: EvalPrediction) => Readonly<Record<string, number>>

/** Share of the items whose largest logit is the label's. */
export const accuracy: ComputeMetrics = ({ predictions, labelIds }) => {
  const right = predictions.filter((logits, i) => logits.indexOf(Math.max(...logits)) === labelIds[i])
  return { accuracy: right.length / Math.max(1, labelIds.length) }
}

/**
 * Metrics over the logits of a classification; items are those whose `label_weights` count. Without any: `ofOneLabel` of one label per item;
 * of labels that may hold at once the share of items of which all are right, and F1 over all labels; of a regression the mean squared
 * error and, of one number per item, Pearson's and Spearman's correlation.
 */
export function labelMetrics(compute?: ComputeMetrics, ofOneLabel: ComputeMetrics = accuracy): EvaluationMetrics {
  return {
    predict(model, inputs) {
      const { ids, context } = passOf(inputs, model.causal)
      return cast(model.forward(ids, context), 'f32') // the host reads halves as bits
    },
    compute: (batches) => (compute ?? ownMetrics(batches, ofOneLabel))(counted(batches)),
  }
}

function ownMetrics(batches: readonly PredictedBatch[], ofOneLabel: ComputeMetrics): ComputeMetrics {
  const { label_values: values, label_flags: flags } = batches[0]?.feeds ?? {}
  if (values !== undefined) return ofNumbers
  return flags === undefined ? ofOneLabel : ofFlags
}

/** Accuracy, F1 (of label 1 where there are two, else the mean over labels) and Matthews' correlation of items with one label each. */
export const labelScores: ComputeMetrics = (prediction) => {
  const { predictions, labelIds } = prediction
  const got = predictions.map((logits) => logits.indexOf(Math.max(...logits)))
  const score = predictions[0]?.length === 2 ? f1(got, labelIds) : macroF1(got, labelIds)
  return { ...accuracy(prediction), f1: score, matthews_correlation: matthews(got, labelIds) }
}

const ofNumbers: ComputeMetrics = ({ predictions, labels = [] }) => {
  const [got, want] = [predictions, labels].map((rows) => rows.flatMap((row) => [...row])) as [number[], number[]]
  const single = labels.every(({ length }) => length === 1)
  return {
    mse: meanSquaredError(got, want),
    ...(single ? { pearson: pearson(got, want), spearman: spearman(got, want) } : {}),
  }
}

// A label holds from a probability of a half on, which is a logit of 0.
const ofFlags: ComputeMetrics = ({ predictions, labels = [] }) => {
  const [got, want] = [
    predictions.map((row) => [...row].map((logit) => Number(logit > 0))),
    labels.map((row) => [...row]),
  ]
  const right = got.filter((row, i) => row.every((flag, j) => flag === want[i]?.[j])).length
  return { accuracy: right / Math.max(1, want.length), f1: f1(got.flat(), want.flat()) }
}

function counted(batches: readonly PredictedBatch[]): EvalPrediction {
  const [predictions, labelIds, numbers]: [Float32Array[], number[], Float32Array[]] = [[], [], []]
  const row = ({ data }: HostTensor, i: number, size: number) => Float32Array.from(data.slice(i * size, (i + 1) * size))
  for (const { feeds, predictions: logits } of batches) {
    const { labels, label_values, label_flags, label_weights: weights } = feeds
    const several = label_values ?? label_flags
    const size = logits.shape.at(-1) as number
    const items = sizeOf(logits.shape) / size
    for (let i = 0; i < items; i++) {
      if (weights?.data[i] !== 1) continue
      predictions.push(row(logits, i, size))
      if (several === undefined) labelIds.push(labels?.data[i] as number)
      else numbers.push(row(several, i, size))
    }
  }
  return { predictions, labelIds, ...(numbers.length === 0 ? {} : { labels: numbers }) }
}
