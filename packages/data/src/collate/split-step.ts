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

// In units of one position's linear layers. Measured on a 135 M model: the output projection of a counted position is about a quarter of
// that; attention costs a share of it for every position, and more in longer rows; a micro-batch reads all weights, which takes as long
// as some positions.
const COUNTED_COST = 0.25
const BATCH_COST = 32
const POSITION_COST = 1.08
const PAIR_COST = 1 / 5000

/** What running a shape once costs, in positions of linear layers. */
export function shapeCost({ rows, length, countedSize }: BatchShape): number {
  return rows * length * (POSITION_COST + PAIR_COST * length) + COUNTED_COST * countedSize + BATCH_COST
}

/** The micro-batches of a step. Throws config.value when a row fits no shape. */
export function splitStep(shapes: readonly BatchShape[], rows: ArrayLike<number>, sizes: RowSizes): MicroBatchRows[] {
  const sorted = sortedStep(rows, sizes)
  const { choices, cost } = cheapest(shapes, sorted)
  if (!Number.isFinite(cost)) {
    throw new EspalierError('config.value', {
      what: 'a row is longer, or counts more, than every shape of the plan',
      got: { longest: sizes.lengths[sorted.rows[0] ?? 0], shapes },
      fix: 'Make the plan from all rows.',
    })
  }
  const result: MicroBatchRows[] = []
  for (let start = 0; start < sorted.rows.length; ) {
    const { shape, taken } = choices[start] as Choice
    result.push({ shape, rows: sorted.rows.slice(start, start + taken) })
    start += taken
  }
  return result
}

/** The rows of a step, longest first, with the counted positions before each. */
export interface SortedStep {
  readonly rows: readonly number[]
  readonly lengths: Float64Array
  readonly countsBefore: Float64Array
}

/** Sorts a step's rows for `stepCost`. */
export function sortedStep(rows: ArrayLike<number>, { lengths, counts }: RowSizes): SortedStep {
  const sorted = Array.from(rows).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)
  const countsBefore = new Float64Array(sorted.length + 1)
  for (const [i, row] of sorted.entries()) countsBefore[i + 1] = (countsBefore[i] as number) + (counts[row] as number)
  return {
    rows: sorted,
    lengths: Float64Array.from(sorted, (row) => lengths[row] as number),
    countsBefore,
  }
}

/** What the micro-batches of a step cost together; Infinity when a row fits no shape. */
export function stepCost(shapes: readonly BatchShape[], step: SortedStep): number {
  return cheapest(shapes, step).cost
}

interface Choice {
  readonly shape: BatchShape
  readonly taken: number
}

/** Dynamic programming from the shortest row: the best shape to begin with at each row, which then takes all that fits. */
function cheapest(shapes: readonly BatchShape[], step: SortedStep) {
  const count = step.rows.length
  const costs = new Float64Array(count + 1)
  const choices: (Choice | undefined)[] = new Array(count)
  const own = shapes.map(shapeCost)
  for (let start = count - 1; start >= 0; start--) {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i] as BatchShape
      const taken = takes(shape, step, start)
      if (taken === 0) continue
      const cost = (own[i] as number) + (costs[start + taken] as number)
      if (cost >= best) continue
      best = cost
      choices[start] = { shape, taken }
    }
    costs[start] = best
  }
  return { choices, cost: costs[0] as number }
}

function takes(shape: BatchShape, { lengths, countsBefore }: SortedStep, start: number): number {
  if ((lengths[start] as number) > shape.length) return 0
  const most = (countsBefore[start] as number) + shape.countedSize
  let end = Math.min(lengths.length, start + shape.rows)
  while (end > start && (countsBefore[end] as number) > most) end--
  return end - start
}
