/** Steps of a run: which rows, split into micro-batches of the plan's shapes, ready to be fed. */
import type { BatchPlan } from './batch-plan.js'
import type { CollatedBatch, DataCollator, Examples } from './data-collator.js'
import { epochOrder, type SamplerOptions, stepsPerEpoch } from './sampler.js'
import { splitStep } from './split-step.js'

/** One step's rows as micro-batches. */
export interface StepBatches {
  /** Counted from 0 over all epochs. */
  readonly step: number
  readonly epoch: number
  /** Example numbers, in the order they were drawn. */
  readonly rows: Int32Array
  readonly microBatches: readonly CollatedBatch[]
}

/** What steps are made of. */
export interface StepOptions<Example> extends SamplerOptions {
  readonly plan: BatchPlan
  readonly collator: DataCollator<Example>
}

/** The steps from `first` on, up to `end` (exclusive), over as many epochs as that takes. */
export async function* trainingSteps<Example>(
  data: Pick<Examples<Example>, 'example' | 'lengths' | 'counts'>,
  options: StepOptions<Example>,
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

async function collateStep<Example>(
  data: Pick<Examples<Example>, 'example' | 'lengths' | 'counts'>,
  { plan, collator }: StepOptions<Example>,
  drawn: Pick<StepBatches, 'step' | 'epoch' | 'rows'>,
): Promise<StepBatches> {
  const microBatches: CollatedBatch[] = []
  for (const [i, { shape, rows }] of splitStep(plan.shapes, drawn.rows, data).entries()) {
    const examples: Example[] = []
    for (const row of rows) examples.push(await data.example(row))
    microBatches.push(collator.collate(examples, shape, `${drawn.step}.${i}`))
  }
  return { ...drawn, microBatches }
}
