/** From prepared examples to the trainer's steps and evaluation batches. */
import { EspalierError } from '@espalier/core'
import {
  type BatchPlan,
  type BatchShape,
  type DataCollator,
  type Examples,
  epochOrder,
  planBatches,
  type RowSizes,
  splitStep,
  stepsPerEpoch,
  trainingSteps,
} from '@espalier/data'
import type { EvaluationSource, StepSource } from '@espalier/trainer'
import type { ShapedFeeds } from './shape-peaks.js'
import { DEFAULT_BATCH, DEFAULT_EPOCHS, DEFAULT_SEED, type TrainingArguments } from './training-arguments.js'

/** Examples, the shapes that they are batched in, and what fills these. */
// biome-ignore lint/suspicious/noExplicitAny: examples are their task's own
export interface PlannedExamples<Example = any> {
  readonly examples: Examples<Example>
  readonly plan: BatchPlan
  readonly collator: DataCollator<Example>
}

/** Rows of one optimizer step. */
export function rowsPerStep(args: TrainingArguments): number {
  return (args.perDeviceTrainBatchSize ?? DEFAULT_BATCH) * (args.gradientAccumulationSteps ?? 1)
}

/** Optimizer steps of a run over so many rows. Throws config.value for more than can be counted. */
export function stepsOf(rowCount: number, args: TrainingArguments): number {
  const { maxSteps = -1, numTrainEpochs = DEFAULT_EPOCHS } = args
  if (maxSteps > 0) return maxSteps
  const steps = Math.ceil(numTrainEpochs * stepsPerEpoch({ rowCount, stepRows: rowsPerStep(args) }))
  if (Number.isSafeInteger(steps)) return steps
  throw new EspalierError('config.value', {
    what: 'so many epochs are more steps than can be counted',
    got: { numTrainEpochs, rows: rowCount },
    fix: 'Give fewer, or maxSteps',
  })
}

/** What shapes follow besides the rows. */
export interface PlanLimits extends Pick<TrainingArguments, 'tokensPerMicroBatch'> {
  /** Most positions of the model; null: no limit. */
  readonly maxPositions: number | null
  /** Whether no step is split: the loss is one of the whole batch. */
  readonly isWhole?: boolean
}

/** Shapes of micro-batches for these rows, `steps` times `stepRows` of them; once all of them when `steps` is left out. */
export function planFor(
  data: RowSizes,
  stepRows: number,
  { tokensPerMicroBatch, maxPositions, isWhole = false }: PlanLimits,
  steps?: number,
): BatchPlan {
  return planBatches({
    lengths: data.lengths,
    counts: data.counts,
    stepRows,
    ...(steps === undefined ? {} : { steps: Math.max(1, steps) }),
    ...(tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch }),
    ...(maxPositions === null ? {} : { longest: maxPositions }),
    isWhole,
  })
}

/** Shapes of evaluation batches: training's where every row fits one of them, so that memory and compilations stay what they are. */
export function evaluationPlan(
  data: RowSizes,
  training: BatchPlan,
  args: PlanLimits & Pick<TrainingArguments, 'perDeviceEvalBatchSize'>,
): BatchPlan {
  const stepRows = args.perDeviceEvalBatchSize ?? DEFAULT_BATCH
  const room = training.shapes.some(
    ({ length, countedSize }) => most(data.lengths) <= length && most(data.counts) <= countedSize,
  )
  return room && args.isWhole !== true ? training : planFor(data, stepRows, args)
}

const MOST_STEPS_AHEAD = 500

/** Each shape that a run's micro-batches take, with feeds without rows, in the order of their first use: for who asks what they would take. */
export function shapedFeeds(
  { examples, plan, collator }: PlannedExamples,
  args: TrainingArguments,
): readonly ShapedFeeds[] {
  const stepRows = rowsPerStep(args)
  const { shuffle = true, seed = DEFAULT_SEED } = args
  const sampler = { rowCount: examples.length, stepRows, shuffle, seed }
  const perEpoch = stepsPerEpoch(sampler)
  const steps = stepsOf(examples.length, args)
  let order = epochOrder(sampler, 0)
  const used = new Set<BatchShape>()
  for (let step = 0; step < Math.min(steps, MOST_STEPS_AHEAD) && used.size < plan.shapes.length; step++) {
    const at = step % perEpoch
    if (at === 0 && step > 0) order = epochOrder(sampler, step / perEpoch)
    const rows = order.subarray(at * stepRows, (at + 1) * stepRows)
    for (const { shape } of splitStep(plan.shapes, rows, examples)) used.add(shape)
  }
  // What so many steps did not take may come later.
  if (steps > MOST_STEPS_AHEAD) for (const shape of plan.shapes) used.add(shape)
  return [...used].map((shape) => ({ shape, feeds: collator.collate([], shape).feeds }))
}

/** The steps of a run. */
export function trainSteps({ examples, plan, collator }: PlannedExamples, args: TrainingArguments): StepSource {
  const stepRows = rowsPerStep(args)
  const perEpoch = stepsPerEpoch({ rowCount: examples.length, stepRows })
  const { shuffle = true, seed = DEFAULT_SEED, gradientAccumulationSteps: accumulated = 1 } = args
  const batches = stepsPerEpoch({ rowCount: examples.length, stepRows: stepRows / accumulated }) // before accumulation
  const totalSteps = stepsOf(examples.length, args)
  return {
    totalSteps,
    stepsPerEpoch: perEpoch,
    async *steps(first = 0) {
      for await (const { step, microBatches } of trainingSteps(
        examples,
        { rowCount: examples.length, stepRows, shuffle, seed, plan, collator },
        { first, end: totalSteps },
      )) {
        const done = (step % perEpoch) + 1
        yield {
          microBatches,
          epoch: Math.floor(step / perEpoch) + Math.min(done * accumulated, batches) / batches,
          endsEpoch: done === perEpoch,
        }
      }
    },
  }
}

/** All rows once, in order. */
export function evaluationBatches(
  { examples, plan, collator }: PlannedExamples,
  args: TrainingArguments,
): EvaluationSource {
  const stepRows = args.perDeviceEvalBatchSize ?? DEFAULT_BATCH
  const end = stepsPerEpoch({ rowCount: examples.length, stepRows })
  return {
    totalTokens: examples.lengths.reduce((sum, length) => sum + length, 0),
    async *batches() {
      for await (const { microBatches } of trainingSteps(
        examples,
        { rowCount: examples.length, stepRows, shuffle: false, seed: 0, plan, collator },
        { end },
      ))
        yield* microBatches
    },
  }
}

function most(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => Math.max(a, b), 0)
}
