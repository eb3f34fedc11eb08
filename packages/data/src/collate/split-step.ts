/**
 * Splits the rows of a step into micro-batches of given shapes at the least cost. Splitting is exact: a step's loss is normalised by the
 * counted tokens of all its rows. Which shapes there are is left to batch-plan.ts.
 */
import { EspalierError } from '@espalier/core'

/** One shape of micro-batches; each is compiled once. */
export interface BatchShape {
  readonly rows: number
  /** Padded length of its rows. */
  readonly length: number
  /** Room for counted positions. */
  readonly countedSize: number
}

/** The rows of one micro-batch and the shape they take. */
export interface MicroBatchRows {
  readonly shape: BatchShape
  /** Row numbers, longest first. */
  readonly rows: readonly number[]
}

/** Ids and counted positions of every row, by row number. */
export interface RowSizes {
  readonly lengths: ArrayLike<number>
  readonly counts: ArrayLike<number>
}

// In units of one padded position. Measured on a 135 M model: the output projection of a counted position is about a quarter of a
// position's work; a micro-batch reads all weights, which takes as long as some positions.
const COUNTED_COST = 0.25
const BATCH_COST = 32

/** What running a shape once costs, in padded positions. */
export function shapeCost({ rows, length, countedSize }: BatchShape): number {
  return rows * length + COUNTED_COST * countedSize + BATCH_COST
}

/** The micro-batches of a step. Throws config.value when a row fits no shape. */
export function splitStep(shapes: readonly BatchShape[], rows: ArrayLike<number>, sizes: RowSizes): MicroBatchRows[] {
  const sorted = sortByLength(rows, sizes)
  const { choices, cost } = cheapest(shapes, sorted, sizes)
  if (!Number.isFinite(cost)) {
    throw new EspalierError('config.value', {
      what: 'a row is longer, or counts more, than every shape of the plan',
      got: { longest: sizes.lengths[sorted[0] ?? 0], shapes },
      fix: 'Make the plan from all rows.',
    })
  }
  const result: MicroBatchRows[] = []
  for (let start = 0; start < sorted.length; ) {
    const { shape, taken } = choices[start] as Choice
    result.push({ shape, rows: sorted.slice(start, start + taken) })
    start += taken
  }
  return result
}

/** What the micro-batches of a step cost together; Infinity when a row fits no shape. */
export function stepCost(shapes: readonly BatchShape[], rows: ArrayLike<number>, sizes: RowSizes): number {
  return cheapest(shapes, sortByLength(rows, sizes), sizes).cost
}

interface Choice {
  readonly shape: BatchShape
  readonly taken: number
}

function sortByLength(rows: ArrayLike<number>, { lengths }: RowSizes): number[] {
  return Array.from(rows).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)
}

/** Dynamic programming from the shortest row: the best shape to begin with at each row, which then takes all that fits. */
function cheapest(shapes: readonly BatchShape[], sorted: readonly number[], sizes: RowSizes) {
  const costs = new Float64Array(sorted.length + 1)
  const choices: (Choice | undefined)[] = new Array(sorted.length)
  for (let start = sorted.length - 1; start >= 0; start--) {
    costs[start] = Number.POSITIVE_INFINITY
    for (const shape of shapes) {
      const taken = takes(shape, sorted, start, sizes)
      const cost = shapeCost(shape) + (costs[start + taken] as number)
      if (taken === 0 || cost >= (costs[start] as number)) continue
      costs[start] = cost
      choices[start] = { shape, taken }
    }
  }
  return { choices, cost: costs[0] as number }
}

function takes(shape: BatchShape, sorted: readonly number[], start: number, { lengths, counts }: RowSizes): number {
  if ((lengths[sorted[start] as number] as number) > shape.length) return 0
  let [taken, counted] = [0, 0]
  for (let i = start; i < sorted.length && taken < shape.rows; i++) {
    counted += counts[sorted[i] as number] as number
    if (counted > shape.countedSize) break
    taken += 1
  }
  return taken
}
