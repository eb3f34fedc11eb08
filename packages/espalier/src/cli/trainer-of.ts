/** The trainer for a model's head, with the metrics that the command line tells of. */
import type { TaskType } from '@espalier/core'
import { questionAnswering } from '../training/answers-task.js'
import { sequenceClassification, tokenClassification } from '../training/classification-tasks.js'
import { entityMetrics } from '../training/entity-metrics.js'
import { labelMetrics, labelScores } from '../training/label-metrics.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { Trainer, type TrainerOptions } from '../training/trainer.js'
import { answerSettings } from './answer-settings.js'
import { UsageError } from './failure.js'
import type { Values } from './values.js'

/** Whether a model predicts tokens, so that its loss has a perplexity. */
export function writesTexts(task: TaskType): boolean {
  return task === 'CAUSAL_LM' || task === 'SEQ_2_SEQ_LM' || task === 'MASKED_LM'
}

/** The trainer. Throws UsageError for a model without a head, and what making one throws. */
export function trainerOf(values: Values, options: TrainerOptions): SFTTrainer | Trainer {
  const { model, loaded } = options.model
  switch (model.task) {
    case 'CAUSAL_LM':
      return new SFTTrainer(options)
    case 'SEQ_CLS':
      return new Trainer({
        ...options,
        task: { ...sequenceClassification, metrics: () => labelMetrics(undefined, labelScores) },
      })
    case 'TOKEN_CLS': {
      const { labels } = loaded
      const names = labels?.some((name) => /^[BI]-/.test(name)) === true ? labels : undefined
      const task =
        names === undefined ? tokenClassification : { ...tokenClassification, metrics: () => entityMetrics(names) }
      return new Trainer({ ...options, task })
    }
    case 'QUESTION_ANS':
      return new Trainer({ ...options, task: questionAnswering(answerSettings(values)) })
    case 'FEATURE_EXTRACTION':
      throw new UsageError(
        'a model without a head has no loss to train or to measure',
        'Give another --task-type; espalier predict tells the vectors of texts',
      )
    default:
      return new Trainer(options)
  }
}
