/** What a checkpoint was saved for, by the names of transformers' classes in its configuration. */
import { type Architecture, EspalierError, type TaskType } from '@espalier/core'
import type { HfConfig } from '../hf-config/model-config.js'

const heads: readonly (readonly [RegExp, TaskType])[] = [
  [/For(?:CausalLM)$|LMHeadModel$/, 'CAUSAL_LM'],
  [/ForMaskedLM$/, 'MASKED_LM'],
  [/ForConditionalGeneration$/, 'SEQ_2_SEQ_LM'],
  [/ForSequenceClassification$/, 'SEQ_CLS'],
  [/ForTokenClassification$/, 'TOKEN_CLS'],
  [/ForQuestionAnswering$/, 'QUESTION_ANS'],
  [/Model$/, 'FEATURE_EXTRACTION'],
]

/** The task that a checkpoint was saved for, by the class in its configuration; the architecture's first when that says nothing. */
export function taskOf({ architectures }: Pick<HfConfig, 'architectures'>, { tasks }: Architecture): TaskType {
  for (const name of architectures) {
    const task = taskOfClass(name)
    if (task !== undefined && tasks.includes(task)) return task
  }
  return tasks[0] ?? 'FEATURE_EXTRACTION'
}

/** The same, for loading. Throws model.unsupported for a class whose head does not exist here: it is left out only where the caller names a task. */
export function savedTask(config: Pick<HfConfig, 'architectures'>, architecture: Architecture, file: string): TaskType {
  const { architectures } = config
  const { tasks } = architecture
  const headed = architectures.find((name) => /For[A-Z]/.test(name))
  if (headed === undefined || architectures.some((name) => tasks.some((task) => task === taskOfClass(name))))
    return taskOf(config, architecture)
  throw new EspalierError('model.unsupported', {
    what: 'the checkpoint was saved from a class whose head does not exist here',
    got: { file, class: headed, tasks },
    fix: 'Name the task of the head to start over it, FEATURE_EXTRACTION for none',
  })
}

/** The task that models of transformers' class are for: MASKED_LM of BertForMaskedLM; undefined of other names. */
export function taskOfClass(name: string): TaskType | undefined {
  return heads.find(([pattern]) => pattern.test(name))?.[1]
}
