/** From prepared rows to the trainer's steps and evaluation batches. */
import {
  type BatchPlan,
  type CausalBatch,
  causalFeeds,
  collateCausal,
  planBatches,
  type SftData,
  stepsPerEpoch,
  trainingSteps,
} from '@espalier/data'
import type { EvaluationSource, MicroBatch, StepSource } from '@espalier/trainer'
import { DEFAULT_BATCH, DEFAULT_EPOCHS, DEFAULT_SEED, type SFTConfig } from './sft-config.js'

/** Rows and the shapes that they are batched in. */
export interface PlannedRows {
  readonly data: SftData
  readonly plan: BatchPlan
}

/** Rows of one optimizer step. */
export function rowsPerStep(args: SFTConfig): number {
  return (args.perDeviceTrainBatchSize ?? DEFAULT_BATCH) * (args.gradientAccumulationSteps ?? 1)
}

/** Optimizer steps of a run over so many rows. */
export function stepsOf(rowCount: number, args: SFTConfig): number {
  const { maxSteps = -1, numTrainEpochs = DEFAULT_EPOCHS } = args
  return maxSteps > 0 ? maxSteps : Math.ceil(numTrainEpochs * stepsPerEpoch({ rowCount, stepRows: rowsPerStep(args) }))
}

/** What shapes follow besides the rows. */
export interface PlanLimits extends Pick<SFTConfig, 'tokensPerMicroBatch'> {
  /** Most positions of the model; null: no limit. */
  readonly maxPositions: number | null
}

/** Shapes of micro-batches for these rows, `steps` times `stepRows` of them; once all of them when `steps` is left out. */
export function planFor(
  data: SftData,
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
  data: SftData,
  training: BatchPlan,
  args: PlanLimits & Pick<SFTConfig, 'perDeviceEvalBatchSize'>,
): BatchPlan {
  const stepRows = args.perDeviceEvalBatchSize ?? DEFAULT_BATCH
  const room = training.shapes.some(
    ({ length, countedSize }) => most(data.lengths) <= length && most(data.counts) <= countedSize,
  )
  return room ? training : planFor(data, stepRows, args)
}

/** Feeds of the plan's largest micro-batch, without rows: for who asks what it would take. */
export function largestFeeds({ shapes }: BatchPlan, padId: number): MicroBatch['feeds'] {
  const largest = shapes.reduce((a, b) => (b.rows * b.length > a.rows * a.length ? b : a))
  return causalFeeds(collateCausal([], { ...largest, padId }))
}

/** The steps of a run. */
export function trainSteps({ data, plan }: PlannedRows, args: SFTConfig, padId: number): StepSource {
  const stepRows = rowsPerStep(args)
  const perEpoch = stepsPerEpoch({ rowCount: data.length, stepRows })
  const { shuffle = true, seed = DEFAULT_SEED } = args
  const totalSteps = stepsOf(data.length, args)
  return {
    totalSteps,
    stepsPerEpoch: perEpoch,
    async *steps() {
      for await (const { step, microBatches } of trainingSteps(
        data,
        { rowCount: data.length, stepRows, shuffle, seed, plan, padId },
        { end: totalSteps },
      )) {
        yield {
          microBatches: microBatches.map(toMicroBatch),
          epoch: (step + 1) / perEpoch,
          endsEpoch: (step + 1) % perEpoch === 0,
        }
      }
    },
  }
}

/** All rows once, in order. */
export function evaluationBatches({ data, plan }: PlannedRows, args: SFTConfig, padId: number): EvaluationSource {
  const stepRows = args.perDeviceEvalBatchSize ?? DEFAULT_BATCH
  const end = stepsPerEpoch({ rowCount: data.length, stepRows })
  return {
    async *batches() {
      for await (const { microBatches } of trainingSteps(
        data,
        { rowCount: data.length, stepRows, shuffle: false, seed: 0, plan, padId },
        { end },
      ))
        yield* microBatches.map(toMicroBatch)
    },
  }
}

function most(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => Math.max(a, b), 0)
}

function toMicroBatch(batch: CausalBatch): MicroBatch {
  return { feeds: causalFeeds(batch), count: batch.countedCount, tokens: batch.tokenCount }
}
