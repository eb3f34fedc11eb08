/** Steps of a run: which rows, split into micro-batches of the plan's shapes, ready to be fed. */
import type { SftData, SupervisedExample } from '../sft/prepare.js'
import type { BatchPlan } from './batch-plan.js'
import { type CausalBatch, collateCausal } from './causal-batch.js'
import { epochOrder, type SamplerOptions, stepsPerEpoch } from './sampler.js'
import { splitStep } from './split-step.js'

/** One step's rows as micro-batches. */
export interface StepBatches {
  /** Counted from 0 over all epochs. */
  readonly step: number
  readonly epoch: number
  /** Example numbers, in the order they were drawn. */
  readonly rows: Int32Array
  readonly microBatches: readonly CausalBatch[]
  /** Ids without padding. */
  readonly tokenCount: number
  /** Positions that count: the step's loss is divided by it. */
  readonly countedCount: number
}

/** What steps are made of. */
export interface StepOptions extends SamplerOptions {
  readonly plan: BatchPlan
  /** Fills the rest of rows; any id will do, since nothing attends to it. */
  readonly padId: number
}

/** The steps from `first` on, up to `end` (exclusive), over as many epochs as that takes. */
export async function* trainingSteps(
  data: Pick<SftData, 'example' | 'lengths' | 'counts'>,
  options: StepOptions,
  range: { readonly first?: number; readonly end: number },
): AsyncGenerator<StepBatches> {
  const perEpoch = stepsPerEpoch(options)
  let order: { epoch: number; rows: Int32Array } | undefined
  for (let step = range.first ?? 0; step < range.end && perEpoch > 0; step++) {
    const epoch = Math.floor(step / perEpoch)
    if (order?.epoch !== epoch) order = { epoch, rows: epochOrder(options, epoch) }
    const start = (step % perEpoch) * options.stepRows
    yield collateStep(data, options, { step, epoch, rows: order.rows.slice(start, start + options.stepRows) })
  }
}

async function collateStep(
  data: Pick<SftData, 'example' | 'lengths' | 'counts'>,
  { plan, padId }: StepOptions,
  drawn: Pick<StepBatches, 'step' | 'epoch' | 'rows'>,
): Promise<StepBatches> {
  const microBatches: CausalBatch[] = []
  for (const { shape, rows } of splitStep(plan.shapes, drawn.rows, data)) {
    const examples: SupervisedExample[] = []
    for (const row of rows) examples.push(await data.example(row))
    microBatches.push(collateCausal(examples, { ...shape, padId }))
  }
  const sum = (of: (batch: CausalBatch) => number) => microBatches.reduce((total, batch) => total + of(batch), 0)
  return {
    ...drawn,
    microBatches,
    tokenCount: sum((batch) => batch.tokenCount),
    countedCount: sum((batch) => batch.countedCount),
  }
}
