/** What a run's rows are told with, before the first step. */
import type { RowTexts } from '@espalier/data'
import { labelName } from '../model/predict-options.js'
import type { TaskContext } from './training-task.js'

/** The tokenizer, where there is one, and the names of labels in config.json. */
export async function rowTexts({ config, ...context }: TaskContext): Promise<RowTexts> {
  const tokenizer = await context.tokenizer().catch(() => undefined) // who needs one has failed already
  const names = Object.values((config.id2label ?? {}) as Readonly<Record<string, string>>)
  return { tokenizer, labelName: (label) => labelName(names, label) }
}
