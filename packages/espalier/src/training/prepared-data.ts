/** The data of a run, prepared and planned once: preflight, training and evaluation use the same. */
import { EspalierError, LanguageModel, type ModelSizes } from '@espalier/core'
import type { DataCollator, DataRow, Dataset, Examples } from '@espalier/data'
import { evaluationPlan, type PlannedExamples, planFor, rowsPerStep, stepsOf } from './planned-steps.js'
import type { TaskContext, TrainingTask } from './training-task.js'

/** Everything that comes from the data. */
export interface PreparedData {
  readonly train: PlannedExamples
  readonly evaluation: PlannedExamples | undefined
  /** What the rows to train on hold, in lines. */
  readonly description: readonly string[]
}

/** What is prepared. */
export interface DataToPrepare {
  readonly task: TrainingTask
  readonly trainDataset: Dataset<DataRow>
  readonly evalDataset: Dataset<DataRow> | undefined
  /** Instead of the task's. */
  readonly dataCollator?: DataCollator<never> | undefined
  readonly context: TaskContext
}

/** Prepares and plans. Throws data.*, tokenizer.unfit, config.value, or the signal's reason. */
export async function prepareData(request: DataToPrepare): Promise<PreparedData> {
  const { task, trainDataset, evalDataset, context } = request
  const { args, model } = context
  const maxPositions = trainablePositions(model.sizes)
  const examples = await task.prepare(trainDataset, context)
  checkRowsFit(examples, maxPositions)
  const limits = { ...args, maxPositions, isWhole: isOfWholeBatch(context) }
  const plan = planFor(examples, rowsPerStep(args), limits, stepsOf(examples.length, args))
  const rows =
    evalDataset === undefined ? undefined : await task.prepare(evalDataset, { ...context, isEvaluation: true })
  if (rows !== undefined) checkRowsFit(rows, maxPositions)
  const collator =
    request.dataCollator ?? (await task.collator(context, rows === undefined ? [examples] : [examples, rows]))
  return {
    description: (await task.describe?.(examples, context)) ?? [],
    train: { examples, plan, collator },
    evaluation: rows === undefined ? undefined : { examples: rows, plan: evaluationPlan(rows, plan, limits), collator },
  }
}

/** Whether the loss is one of the whole batch. Throws config.unsupported for arguments that would split it. */
function isOfWholeBatch({ model, args }: TaskContext): boolean {
  if (!(model instanceof LanguageModel) || model.routingCoefficient === 0) return false
  const { gradientAccumulationSteps = 1, tokensPerMicroBatch } = args
  if (gradientAccumulationSteps === 1 && tokensPerMicroBatch === undefined) return true
  throw new EspalierError('config.unsupported', {
    what: 'the loss of routing is one of a whole batch, which would be split',
    got: { output_router_logits: true, gradientAccumulationSteps, tokensPerMicroBatch },
    fix: 'Leave both arguments out, or set output_router_logits to false in config.json',
  })
}

// A longer row would change how the others of its micro-batch are read, and so would padding to its shape: what rows share a
// micro-batch, and how it is padded, never changes a loss.
function trainablePositions({ maxPositions, stretch }: ModelSizes): number | null {
  return stretch === undefined ? maxPositions : Math.min(stretch.from, maxPositions ?? stretch.from)
}

/** Throws config.value when a row has more ids than the model has positions to train. */
function checkRowsFit({ lengths }: Examples<unknown>, maxPositions: number | null): void {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0)
  if (maxPositions === null || longest <= maxPositions) return
  throw new EspalierError('config.value', {
    what: 'rows are longer than the positions that the model was trained for',
    got: { longest, maxPositions },
    fix: `Set maxLength to ${maxPositions} or less`,
  })
}
