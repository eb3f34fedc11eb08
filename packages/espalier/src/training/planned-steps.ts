/** From prepared examples to the trainer's steps and evaluation batches. */
import {
  type BatchPlan,
  type DataCollator,
  type Examples,
  planBatches,
  type RowSizes,
  stepsPerEpoch,
  trainingSteps,
} from '@espalier/data'
import type { EvaluationSource, MicroBatch, StepSource } from '@espalier/trainer'
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

/** Optimizer steps of a run over so many rows. */
export function stepsOf(rowCount: number, args: TrainingArguments): number {
  const { maxSteps = -1, numTrainEpochs = DEFAULT_EPOCHS } = args
  return maxSteps > 0 ? maxSteps : Math.ceil(numTrainEpochs * stepsPerEpoch({ rowCount, stepRows: rowsPerStep(args) }))
}

/** What shapes follow besides the rows. */
export interface PlanLimits extends Pick<TrainingArguments, 'tokensPerMicroBatch'> {
  /** Most positions of the model; null: no limit. */
  readonly maxPositions: number | null
}

/** Shapes of micro-batches for these rows, `steps` times `stepRows` of them; once all of them when `steps` is left out. */
export function planFor(
  data: RowSizes,
  stepRows: number,
  { tokensPerMicroBatch, maxPositions }: PlanLimits,
  steps?: number,
): BatchPlan {
  return planBatches({
    lengths: data.lengths,
    counts: data.counts,
    stepRows,
    ...(steps === undefined ? {} : { steps: Math.max(1, steps) }),
    ...(tokensPerMicroBatch === undefined ? {} : { tokensPerMicroBatch }),
    ...(maxPositions === null ? {} : { longest: maxPositions }),
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
  return room ? training : planFor(data, stepRows, args)
}

/** Feeds of the plan's largest micro-batch, without rows: for who asks what it would take. */
export function largestFeeds({ plan, collator }: Omit<PlannedExamples, 'examples'>): MicroBatch['feeds'] {
  const largest = plan.shapes.reduce((a, b) => (b.rows * b.length > a.rows * a.length ? b : a))
  return collator.collate([], largest).feeds
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
    async *steps() {
      for await (const { step, microBatches } of trainingSteps(
        examples,
        { rowCount: examples.length, stepRows, shuffle, seed, plan, collator },
        { end: totalSteps },
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
