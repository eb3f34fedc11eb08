/**
 * Few shapes for rows of many lengths. Every shape is compiled once, so a plan picks a handful of bucket lengths that waste the least
 * padding on this data, how many rows go into one micro-batch of each, and how many counted positions it has room for. Splitting a step
 * is exact: its loss is normalised by the counted tokens of the whole step.
 */
import { EspalierError } from '@espalier/core'

/** One shape of micro-batches. */
export interface BatchShape {
  /** Padded length of its rows. */
  readonly length: number
  readonly rows: number
  /** Room for counted positions, ascending: what most micro-batches need, then what any can. */
  readonly countedSizes: readonly number[]
}

/** The shapes of a run, by ascending length. */
export interface BatchPlan {
  readonly shapes: readonly BatchShape[]
}

/** What a plan is made from. */
export interface BatchPlanOptions {
  /** Ids of every row. */
  readonly lengths: ArrayLike<number>
  /** Counted positions of every row. */
  readonly counts: ArrayLike<number>
  /** Rows of a step: a micro-batch never has more. */
  readonly stepRows: number
  /** Most ids of a micro-batch, padding included; a single longer row is still one. Default 1024. */
  readonly tokensPerMicroBatch?: number
  /** Most bucket lengths. Default 5. */
  readonly maxShapes?: number
  /** Bucket lengths are multiples of this. Default 8. */
  readonly multipleOf?: number
}

/** Rows of one micro-batch and the shape they take. */
export interface MicroBatchRows {
  readonly shape: BatchShape
  readonly countedSize: number
  /** Row numbers, longest first. */
  readonly rows: readonly number[]
}

const DEFAULT_TOKENS = 1024 // large enough for full matrix-product speed, small enough for the activations of a 135 M model
const DEFAULT_SHAPES = 5
const DEFAULT_MULTIPLE = 8
const WORTHWHILE = 0.02 // one more shape must save this share of all ids
const COUNTED_MULTIPLE = 16

/** A plan for rows of these lengths. Throws config.value for sizes below 1. */
export function planBatches(options: BatchPlanOptions): BatchPlan {
  const { lengths, stepRows, tokensPerMicroBatch = DEFAULT_TOKENS } = options
  const { maxShapes = DEFAULT_SHAPES, multipleOf = DEFAULT_MULTIPLE } = options
  for (const [name, value] of Object.entries({ stepRows, tokensPerMicroBatch, maxShapes, multipleOf })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new EspalierError('config.value', { what: 'a size must be a whole number above 0', got: { [name]: value } })
    }
  }
  const buckets = bucketLengths(lengths, maxShapes, multipleOf)
  const shapes = buckets.map((length, index) => {
    const rows = Math.max(1, Math.min(stepRows, Math.floor(tokensPerMicroBatch / length)))
    return { length, rows, countedSizes: countedSizes(options, buckets[index - 1] ?? 0, length, rows) }
  })
  return { shapes }
}

/** The bucket lengths that waste the least padding: at most `most` multiples of `multipleOf`, ascending, the last not below the longest row. */
export function bucketLengths(lengths: ArrayLike<number>, most: number, multipleOf: number): number[] {
  const { sizes, rows, ids } = histogram(lengths, multipleOf)
  const total = ids.at(-1) ?? 0
  let best: number[] = []
  let bestCost = Number.POSITIVE_INFINITY
  for (const { cost, ends } of partitions(sizes, rows, ids, most)) {
    if (bestCost - cost < WORTHWHILE * total) continue
    best = ends.map((end) => sizes[end] as number)
    bestCost = cost
  }
  return best
}

/** Splits the rows of a step into micro-batches, longest rows first: each takes its bucket and fills it up with the next longest. */
export function splitStep(
  plan: BatchPlan,
  rows: ArrayLike<number>,
  lengths: ArrayLike<number>,
  counts: ArrayLike<number>,
): MicroBatchRows[] {
  const sorted = Array.from(rows).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)
  const result: MicroBatchRows[] = []
  for (let start = 0; start < sorted.length; ) {
    const longest = lengths[sorted[start] as number] ?? 0
    const shape = plan.shapes.find(({ length }) => length >= longest)
    if (shape === undefined) {
      throw new EspalierError('config.value', {
        what: 'a row is longer than every shape of the plan',
        got: { row: sorted[start], length: longest, lengths: plan.shapes.map(({ length }) => length) },
        fix: 'Make the plan from all lengths.',
      })
    }
    const members = sorted.slice(start, start + shape.rows)
    start += members.length
    const counted = members.reduce((sum, row) => sum + (counts[row] ?? 0), 0)
    const countedSize = shape.countedSizes.find((size) => size >= counted) ?? (shape.countedSizes.at(-1) as number)
    result.push({ shape, countedSize, rows: members })
  }
  return result
}

/** Rows and ids up to each distinct padded size. */
function histogram(lengths: ArrayLike<number>, multipleOf: number) {
  const countOf = new Map<number, { rows: number; ids: number }>()
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number
    const size = Math.max(1, Math.ceil(length / multipleOf)) * multipleOf
    const entry = countOf.get(size) ?? { rows: 0, ids: 0 }
    countOf.set(size, { rows: entry.rows + 1, ids: entry.ids + length })
  }
  const sizes = [...countOf.keys()].sort((a, b) => a - b)
  let [rowSum, idSum] = [0, 0]
  const rows: number[] = []
  const ids: number[] = []
  for (const size of sizes) {
    const entry = countOf.get(size)
    rowSum += entry?.rows ?? 0
    idSum += entry?.ids ?? 0
    rows.push(rowSum)
    ids.push(idSum)
  }
  return { sizes, rows, ids }
}

interface Partition {
  readonly cost: number
  /** Index of the last size of each bucket. */
  readonly ends: readonly number[]
}

/** The cheapest partition of the sizes into 1, 2, ... buckets, by dynamic programming; cost: ids of padding. */
function* partitions(
  sizes: readonly number[],
  rows: readonly number[],
  ids: readonly number[],
  most: number,
): Generator<Partition> {
  const last = sizes.length - 1
  if (last < 0) return
  const padding = (from: number, to: number) =>
    (sizes[to] as number) * ((rows[to] as number) - (rows[from - 1] ?? 0)) -
    ((ids[to] as number) - (ids[from - 1] ?? 0))
  let best: Partition[] = sizes.map((_, end) => ({ cost: padding(0, end), ends: [end] }))
  for (let count = 1; count <= Math.min(most, sizes.length); count++) {
    yield best[last] as Partition
    const previous = best
    best = previous.map((same, end) => {
      let found = same
      for (let split = 0; split < end; split++) {
        const before = previous[split] as Partition
        const cost = before.cost + padding(split + 1, end)
        if (cost < found.cost) found = { cost, ends: [...before.ends, end] }
      }
      return found
    })
  }
}

/** Room for counted positions: what mean and spread say nearly every micro-batch needs, and what the fullest could. */
function countedSizes({ lengths, counts }: BatchPlanOptions, above: number, length: number, rows: number): number[] {
  let [members, sum, squares, most] = [0, 0, 0, 0]
  for (let i = 0; i < lengths.length; i++) {
    const rowLength = lengths[i] as number
    const count = counts[i] as number
    if (rowLength > length) continue
    most = Math.max(most, count)
    if (rowLength <= above) continue // shorter rows only fill up
    members += 1
    sum += count
    squares += count * count
  }
  const mean = members === 0 ? 0 : sum / members
  const deviation = members === 0 ? 0 : Math.sqrt(Math.max(0, squares / members - mean * mean))
  const roundUp = (value: number) => Math.max(1, Math.ceil(value / COUNTED_MULTIPLE)) * COUNTED_MULTIPLE
  const full = roundUp(rows * most)
  const usual = roundUp(rows * mean + 2 * deviation * Math.sqrt(rows)) // about 98 % of micro-batches
  return usual < USUAL_SAVES * full ? [usual, full] : [full]
}

const USUAL_SAVES = 0.85 // a second size is worth a compilation when it saves at least 15 %
