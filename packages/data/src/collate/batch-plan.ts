/**
 * Few shapes for rows of many lengths. Every shape is compiled once, so a plan looks for the handful of shapes that cost the least on
 * steps drawn from this very data: the largest row first, then whichever shape saves most, until what another saves in the run is less
 * than what it takes to compile.
 */
import { EspalierError, Random } from '@espalier/core'
import { type BatchShape, type RowSizes, type SortedStep, sortedStep, stepCost } from './split-step.js'

/** The shapes of a run; the last can hold every row. */
export interface BatchPlan {
  readonly shapes: readonly BatchShape[]
}

/** What a plan is made from. */
export interface BatchPlanOptions extends RowSizes {
  /** Rows of a step: a micro-batch never has more. */
  readonly stepRows: number
  /** Most ids of a micro-batch, padding included; a single longer row is still one. Default 1024. */
  readonly tokensPerMicroBatch?: number
  /** Optimizer steps that the plan is for: the more there are, the more shapes are worth compiling. Default: one pass over the rows. */
  readonly steps?: number
  /** Most shapes. Default 24: each costs memory beside the time to compile it. */
  readonly maxShapes?: number
  /** Lengths are multiples of this. Default 8. */
  readonly multipleOf?: number
  /** No shape is longer, whatever the multiple: a model's positions. Default: no limit. */
  readonly longest?: number
  /** One shape that has room for every step, so that none is split: for losses of a whole batch. Default false. */
  readonly isWhole?: boolean
}

const DEFAULT_TOKENS = 1024 // large enough for full matrix-product speed, small enough for the activations of a 135 M model
const DEFAULT_SHAPES = 24
const DEFAULT_MULTIPLE = 8
const COUNTED_MULTIPLE = 16
const COMPILE_COST = 200 // positions that are computed in the time that another shape takes to compile
const SAMPLED_ROWS = 320 // enough steps for a stable choice, few enough to plan in some milliseconds
const LEAST_STEPS = 8

/** A plan for rows of these sizes. The same rows give the same plan. Throws config.value for sizes below 1. */
export function planBatches(options: BatchPlanOptions): BatchPlan {
  const {
    stepRows,
    tokensPerMicroBatch = DEFAULT_TOKENS,
    steps: runSteps = Math.max(1, Math.ceil(options.lengths.length / stepRows)),
    maxShapes = DEFAULT_SHAPES,
    multipleOf = DEFAULT_MULTIPLE,
  } = options
  for (const [name, value] of Object.entries({
    stepRows,
    tokensPerMicroBatch,
    steps: runSteps,
    maxShapes,
    multipleOf,
  })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new EspalierError('config.value', { what: 'a size must be a whole number above 0', got: { [name]: value } })
    }
  }
  if (options.isWhole === true) return { shapes: [wholeShape(options, multipleOf)] }
  const steps = sampleSteps(options)
  const cost: CostOf = (shapes, limit) => {
    let sum = 0
    for (const step of steps) {
      sum += stepCost(shapes, step)
      if (sum >= limit) break
    }
    return sum
  }
  const candidates = candidateShapes(options, tokensPerMicroBatch, multipleOf)
  const largest = largestShape(options, multipleOf)
  let chosen: BatchShape[] = [largest]
  let best = cost(chosen, Number.POSITIVE_INFINITY)
  const worthwhile = (COMPILE_COST * steps.length) / runSteps // of the sampled steps’ cost
  while (chosen.length < maxShapes) {
    const next = cheapestWith(candidates, (shape) => [...chosen, shape], cost)
    if (next === undefined || best - next.cost <= worthwhile) break
    chosen = next.shapes
    best = next.cost
  }
  // A shape chosen early may have been overtaken: exchange each once for the best of all.
  for (let index = 1; index < chosen.length; index++) {
    const next = cheapestWith(candidates, (shape) => chosen.map((kept, i) => (i === index ? shape : kept)), cost)
    if (next === undefined || next.cost >= best) continue
    chosen = next.shapes
    best = next.cost
  }
  const shapes = [...chosen.slice(1).sort((a, b) => a.length - b.length || a.rows - b.rows), largest]
  return { shapes }
}

/** Cost of the sampled steps with these shapes; at least `limit` when it reaches that. */
type CostOf = (shapes: readonly BatchShape[], limit: number) => number

function cheapestWith(
  candidates: readonly BatchShape[],
  withShape: (shape: BatchShape) => BatchShape[],
  cost: CostOf,
): { shapes: BatchShape[]; cost: number } | undefined {
  let best: { shapes: BatchShape[]; cost: number } | undefined
  for (const candidate of candidates) {
    const shapes = withShape(candidate)
    const found = cost(shapes, best?.cost ?? Number.POSITIVE_INFINITY)
    if (best === undefined || found < best.cost) best = { shapes, cost: found }
  }
  return best
}

/** Steps as training will draw them, from a fixed order. */
function sampleSteps(options: BatchPlanOptions): SortedStep[] {
  const { lengths, stepRows } = options
  const order = new Random(0).at('batch plan').permutation(lengths.length)
  const count = Math.max(LEAST_STEPS, Math.ceil(SAMPLED_ROWS / stepRows))
  const steps: SortedStep[] = []
  for (let start = 0; start < order.length && steps.length < count; start += stepRows) {
    steps.push(sortedStep(order.subarray(start, start + stepRows), options))
  }
  return steps
}

function largestShape({ lengths, counts, longest }: BatchPlanOptions, multipleOf: number): BatchShape {
  let [length, count] = [1, 1]
  for (let i = 0; i < lengths.length; i++) {
    length = Math.max(length, lengths[i] as number)
    count = Math.max(count, counts[i] as number)
  }
  return { rows: 1, length: lengthFor(length, multipleOf, longest), countedSize: roundUp(count, COUNTED_MULTIPLE) }
}

// Room for the rows of a step with the most counted positions.
function wholeShape(options: BatchPlanOptions, multipleOf: number): BatchShape {
  const { counts, stepRows } = options
  const most = Array.from(counts).sort((a, b) => b - a)
  const counted = most.slice(0, stepRows).reduce((sum, count) => sum + count, 0)
  const { length } = largestShape(options, multipleOf)
  return { rows: stepRows, length, countedSize: roundUp(Math.max(1, counted), COUNTED_MULTIPLE) }
}

// Lengths tried, as shares of the rows; the tail is fine, since a few long rows cost much.
const QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1]
const SHARES = [0.3, 0.5, 0.75, 1] // of rows by their share of counted positions

/** Shapes at the quantiles of the lengths, for 1, 2, 4 ... rows, with room for several shares of counted positions. */
function candidateShapes(options: BatchPlanOptions, tokens: number, multipleOf: number): BatchShape[] {
  const lengths = Float64Array.from(options.lengths).sort()
  const shares = Float64Array.from(
    lengths,
    (_, i) => (options.counts[i] as number) / Math.max(1, options.lengths[i] as number),
  ).sort()
  const at = (sorted: Float64Array, share: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 1
  const tried = new Set<number>()
  for (const quantile of QUANTILES)
    tried.add(lengthFor(Math.max(1, at(lengths, quantile)), multipleOf, options.longest))
  const shapes: BatchShape[] = []
  for (const length of tried) {
    for (const rows of rowCounts(options.stepRows, Math.floor(tokens / length))) {
      const rooms = new Set(
        SHARES.map((share) => roundUp(Math.max(1, rows * length * at(shares, share)), COUNTED_MULTIPLE)),
      )
      for (const countedSize of rooms) shapes.push({ rows, length, countedSize })
    }
  }
  return shapes
}

/** 1, 2, 3, 4, 6, 8, 12 ... up to both limits, and the smaller limit itself. */
function rowCounts(stepRows: number, fitting: number): number[] {
  const most = Math.max(1, Math.min(stepRows, fitting))
  const counts = new Set([1, most])
  for (let power = 2; power <= most; power *= 2) {
    counts.add(power)
    if (power + power / 2 <= most) counts.add(power + power / 2)
  }
  return [...counts]
}

/** The multiple that has room for a row; `longest` where that is less, but never less than the row. */
function lengthFor(row: number, multipleOf: number, longest = Number.POSITIVE_INFINITY): number {
  return Math.max(row, Math.min(roundUp(row, multipleOf), longest))
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
