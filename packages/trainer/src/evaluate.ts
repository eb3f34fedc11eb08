/** An evaluation: the mean loss over all counted items of a data set. */
import { EspalierError } from '@espalier/core'
import type { EvaluationSource } from './batches.js'
import type { TrainingSession } from './session.js'

/** What an evaluation found. */
export interface Evaluation {
  readonly evalLoss: number
  readonly perplexity: number
}

/** Loss and perplexity with a session's present values; undefined when it was stopped on the way. Throws config.value without data, or the signal's reason. */
export async function evaluateWith(
  session: TrainingSession,
  source: EvaluationSource | undefined,
  { signal, isStopped }: { readonly signal?: AbortSignal | undefined; readonly isStopped?: () => boolean },
): Promise<Evaluation | undefined> {
  if (source === undefined)
    throw new EspalierError('config.value', {
      what: 'there is nothing to evaluate on',
      fix: 'Give an evaluation data set',
    })
  let sum = 0
  let count = 0
  for await (const batch of source.batches()) {
    signal?.throwIfAborted()
    if (isStopped?.() === true) return undefined
    sum += await session.evaluate(batch)
    count += batch.count
  }
  const evalLoss = sum / Math.max(count, 1)
  return { evalLoss, perplexity: Math.exp(evalLoss) }
}
