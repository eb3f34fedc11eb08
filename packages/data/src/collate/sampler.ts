/** Which rows make a step, epoch by epoch. What a step does with its rows is left to the planner and the collator. */
import { EspalierError, Random } from '@espalier/core'

/** How rows are drawn. */
export interface SamplerOptions {
  readonly rowCount: number
  /** Rows of one step: per-device batch size times accumulation. */
  readonly stepRows: number
  /** A new order for every epoch; false keeps the order of the data. */
  readonly shuffle: boolean
  readonly seed: number
}

/** The order of the rows in an epoch. The same seed and epoch give the same order everywhere. */
export function epochOrder(options: SamplerOptions, epoch: number): Int32Array {
  const { rowCount, shuffle, seed } = options
  return shuffle
    ? new Random(seed).at(`epoch ${epoch}`).permutation(rowCount)
    : Int32Array.from({ length: rowCount }, (_, i) => i)
}

/** Steps of one epoch; the last may have fewer rows. Throws config.value for step sizes below 1. */
export function stepsPerEpoch({ rowCount, stepRows }: Pick<SamplerOptions, 'rowCount' | 'stepRows'>): number {
  if (!(Number.isInteger(stepRows) && stepRows > 0)) {
    throw new EspalierError('config.value', {
      what: 'a step needs a whole number of rows above 0',
      got: { stepRows },
      fix: 'Use a batch size and gradient accumulation of at least 1.',
    })
  }
  return Math.ceil(rowCount / stepRows)
}

/** The rows of a step, counted from 0 over all epochs. */
export function stepRowsOf(options: SamplerOptions, step: number): Int32Array {
  const perEpoch = stepsPerEpoch(options)
  const order = epochOrder(options, Math.floor(step / perEpoch))
  const start = (step % perEpoch) * options.stepRows
  return order.subarray(start, start + options.stepRows)
}
