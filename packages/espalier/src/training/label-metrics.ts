/** Measuring predictions of labels: what transformers calls `compute_metrics`, and accuracy where nothing else is asked for. */
import { cast, passOf, sizeOf } from '@espalier/core'
import type { EvaluationMetrics, PredictedBatch } from '@espalier/trainer'

/** Predictions and labels of everything that counts: of each row, or of each token. */
export interface EvalPrediction {
  /** Logits by label, one array per item. */
  readonly predictions: readonly Float32Array[]
  readonly labelIds: readonly number[]
}

/** Numbers by name, from all predictions of an evaluation. */
export type ComputeMetrics = (prediction: EvalPrediction) => Readonly<Record<string, number>>

/** Share of the items whose largest logit is the label's. */
export const accuracy: ComputeMetrics = ({ predictions, labelIds }) => {
  const right = predictions.filter((logits, i) => logits.indexOf(Math.max(...logits)) === labelIds[i])
  return { accuracy: right.length / Math.max(1, labelIds.length) }
}

/** Metrics over the logits of a classification; items are those whose `label_weights` count. */
export function labelMetrics(compute: ComputeMetrics = accuracy): EvaluationMetrics {
  return {
    predict(model, inputs) {
      const { ids, context } = passOf(inputs, model.causal)
      return cast(model.forward(ids, context), 'f32') // the host reads halves as bits
    },
    compute: (batches) => compute(counted(batches)),
  }
}

function counted(batches: readonly PredictedBatch[]): EvalPrediction {
  const [predictions, labelIds]: [Float32Array[], number[]] = [[], []]
  for (const { feeds, predictions: logits } of batches) {
    const { labels, label_weights: weights } = feeds
    const size = logits.shape.at(-1) as number
    const items = sizeOf(logits.shape) / size
    for (let i = 0; i < items; i++) {
      if (weights?.data[i] !== 1) continue
      predictions.push((logits.data as Float32Array).slice(i * size, (i + 1) * size))
      labelIds.push(labels?.data[i] as number)
    }
  }
  return { predictions, labelIds }
}
