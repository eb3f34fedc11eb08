/** Measuring labels of words that name entities: accuracy of words, and precision, recall and F1 of whole entities. */
import type { EvaluationMetrics, PredictedBatch } from '@espalier/trainer'
import { entityScores } from './entities.js'
import { labelMetrics } from './label-metrics.js'

/** names: of the labels, as `B-PER`. Words that do not count are left out of their row. */
export function entityMetrics(names: readonly string[]): EvaluationMetrics {
  const own = labelMetrics()
  return {
    predict: own.predict,
    compute(batches) {
      const rows = batches.flatMap((batch) => labelledRows(batch, names))
      const scores = entityScores(
        rows.map(({ got }) => got),
        rows.map(({ want }) => want),
      )
      return { ...own.compute(batches), ...scores }
    },
  }
}

function labelledRows({ feeds, predictions }: PredictedBatch, names: readonly string[]) {
  const { labels, label_weights: weights } = feeds
  const [rows, length, size] = predictions.shape as [number, number, number]
  const logits = predictions.data as Float32Array
  return Array.from({ length: rows }, (_, row) => {
    const places = Array.from({ length }, (_, i) => row * length + i).filter((place) => weights?.data[place] === 1)
    const likeliest = (place: number) => {
      const own = logits.subarray(place * size, (place + 1) * size)
      return own.indexOf(Math.max(...own))
    }
    return {
      got: places.map((place) => names[likeliest(place)] as string),
      want: places.map((place) => names[Number(labels?.data[place])] as string),
    }
  })
}
