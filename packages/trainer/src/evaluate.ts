/** An evaluation: the mean loss over all counted items of a data set, and what is measured of the predictions. */
import { EspalierError, type HostTensor, type Model, type ModelInputs, type Tensor, turns } from '@espalier/core'
import type { MicroBatch } from './batches.js'
import type { TrainingSession } from './session.js'
import type { TrainerOptions } from './trainer-options.js'

/** What an evaluation found. */
export interface Evaluation {
  readonly evalLoss: number
  readonly perplexity: number
  /** What the metrics compute, by name; empty without any. */
  readonly metrics: Readonly<Record<string, number>>
}

/** A batch of an evaluation and what the model predicts for it. */
export interface PredictedBatch {
  readonly feeds: MicroBatch['feeds']
  readonly predictions: HostTensor
}

/** What evaluations measure besides the loss. Predictions of all batches are held until then. */
export interface EvaluationMetrics {
  /** The tensor to read back, from the same feeds as the loss: logits. */
  predict(model: Model, inputs: ModelInputs): Tensor
  compute(batches: readonly PredictedBatch[]): Readonly<Record<string, number>>
}

/** Loss, perplexity and metrics with a session's present values; undefined when it was stopped on the way. Throws config.value without data, evaluation.finite, or the signal's reason. */
export async function evaluateWith(
  session: TrainingSession,
  { evaluation: source, metrics, onMoment }: Pick<TrainerOptions, 'evaluation' | 'metrics' | 'onMoment'>,
  { signal, isStopped }: { readonly signal?: AbortSignal | undefined; readonly isStopped?: () => boolean },
): Promise<Evaluation | undefined> {
  if (source === undefined)
    throw new EspalierError('config.value', {
      what: 'there is nothing to evaluate on',
      fix: 'Give evalDataset',
    })
  let sum = 0
  let count = 0
  let tokens = 0
  const { totalTokens } = source
  const predicted: PredictedBatch[] = []
  const rest = turns()
  for await (const batch of source.batches()) {
    await rest()
    signal?.throwIfAborted()
    if (isStopped?.() === true) return undefined
    const { lossSum, predictions } = await session.evaluate(batch)
    sum += lossSum
    if (predictions !== undefined) predicted.push({ feeds: batch.feeds, predictions })
    count += batch.count
    tokens += batch.tokens
    await onMoment?.({ type: 'prediction-step', tokens, ...(totalTokens === undefined ? {} : { totalTokens }) })
  }
  const evalLoss = sum / Math.max(count, 1)
  if (!Number.isFinite(evalLoss))
    throw new EspalierError('evaluation.finite', {
      what: 'the loss of the evaluation is not a finite number',
      got: { loss: String(evalLoss) },
      fix: 'The weights of the model or of an adapter are broken, or too large for the dtype: load other ones',
    })
  return { evalLoss, perplexity: Math.exp(evalLoss), metrics: metrics?.compute(predicted) ?? {} }
}
