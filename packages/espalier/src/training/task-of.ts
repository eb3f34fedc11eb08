/** Which task a model's head is for. */
import { EspalierError, type Model } from '@espalier/core'
import { questionAnswering } from './answers-task.js'
import { sequenceClassification, tokenClassification } from './classification-tasks.js'
import { maskedLanguageModeling } from './masked-task.js'
import { seq2seqTask } from './seq2seq-task.js'
import type { TrainingTask } from './training-task.js'

/** The task that a model's head is for. Throws model.unsupported where another trainer, or a task of one's own, is needed. */
export function taskOf({ task }: Model): TrainingTask {
  if (task === 'SEQ_CLS') return sequenceClassification
  if (task === 'SEQ_2_SEQ_LM') return seq2seqTask
  if (task === 'MASKED_LM') return maskedLanguageModeling()
  if (task === 'TOKEN_CLS') return tokenClassification
  if (task === 'QUESTION_ANS') return questionAnswering()
  throw new EspalierError('model.unsupported', {
    what: 'Trainer does not know how rows train this model',
    got: { task, known: ['MASKED_LM', 'QUESTION_ANS', 'SEQ_2_SEQ_LM', 'SEQ_CLS', 'TOKEN_CLS'] },
    fix: task === 'CAUSAL_LM' ? 'Use SFTTrainer, or pass a task' : 'Pass a task',
  })
}
