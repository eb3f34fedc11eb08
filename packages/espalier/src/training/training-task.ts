/**
 * What a trainer is told of a task: how rows become examples, how examples become feeds, the loss over those, and what is measured. A task is
 * a value; the trainer around it is the same for all.
 */
import type { LossFunction, Model, ModelConfig } from '@espalier/core'
import type { DataCollator, DataRow, Dataset, Examples, Tokenizer } from '@espalier/data'
import type { EvaluationMetrics } from '@espalier/trainer'
import type { ComputeMetrics } from './label-metrics.js'
import type { TrainingArguments } from './training-arguments.js'

/** What a task knows when it prepares data. */
export interface TaskContext {
  /** The tokenizer; asked for by who needs one, so that tokenized rows train models that have none. Throws tokenizer.*. */
  tokenizer(): Promise<Tokenizer>
  readonly model: Model
  /** config.json as it was parsed. */
  readonly config: ModelConfig
  readonly args: TrainingArguments
  /** Whether the rows are to evaluate on. */
  readonly isEvaluation?: boolean
  readonly signal?: AbortSignal | undefined
  /** To be called now and then with the number of rows read. */
  readonly onRows?: ((rows: number) => void) | undefined
}

/** A way from rows to a loss. */
// biome-ignore lint/suspicious/noExplicitAny: examples are the task's own; a trainer holds any
export interface TrainingTask<Example = any> {
  /** Rows as examples. Throws data.*, config.*, or the signal's reason. */
  prepare(rows: Dataset<DataRow>, context: TaskContext): Promise<Examples<Example>>
  /** The collator of a run's examples, to train on and to evaluate on, where the user gives no `dataCollator`. */
  collator(context: TaskContext, examples: readonly Examples<Example>[]): Promise<DataCollator<Example>>
  /** What the rows hold, in lines, before the first step. Absent where there is nothing to say. */
  describe?(examples: Examples<Example>, context: TaskContext): Promise<readonly string[]>
  readonly loss: LossFunction
  /** Whether the loss reads `labelSmoothing`: one over classes of which one holds. Default false. */
  readonly smoothsLabels?: boolean
  /** What evaluations of these examples measure besides the loss: the user's `computeMetrics`, or the task's own. Absent where nothing is predicted. */
  metrics?(compute: ComputeMetrics | undefined, examples: Examples<Example>): EvaluationMetrics
}
