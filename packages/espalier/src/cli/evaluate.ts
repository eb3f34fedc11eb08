/** `espalier eval`: mean loss, and what the model's head is measured by. */
import type { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { questionAnswering } from '../training/answers-task.js'
import { sequenceClassification, tokenClassification } from '../training/classification-tasks.js'
import { entityMetrics } from '../training/entity-metrics.js'
import { labelMetrics, labelScores } from '../training/label-metrics.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { Trainer, type TrainerOptions } from '../training/trainer.js'
import { answerOptions } from './answer-options.js'
import { dataPaths, datasetOf } from './data-files.js'
import { asOptions } from './failure.js'
import { loadWithHead } from './load.js'
import { Progress, result } from './terminal.js'
import { defined, type Values } from './values.js'

/** Runs the command; its exit code. */
export async function evaluate(values: Values): Promise<number> {
  const paths = await dataPaths(values, 'eval')
  const progress = new Progress(values.flag('quiet') === true)
  const model = await loadWithHead(values, progress)
  try {
    const rows = datasetOf(paths, values)
    const trainer = trainerOf(model, values, {
      model,
      trainDataset: rows,
      evalDataset: rows,
      args: defined({
        maxLength: values.maxLength(),
        perDeviceEvalBatchSize: values.number('per-device-eval-batch-size'),
      }),
      onEvent: (event) => {
        if (event.type === 'warning') progress.warning(asOptions(event.message))
      },
    })
    progress.update('evaluating')
    const { evalLoss, perplexity, metrics } = await trainer.evaluate({
      onProgress: ({ tokens, totalTokens }) =>
        progress.update(`evaluating: ${Math.floor((100 * tokens) / totalTokens)} %`),
    })
    progress.clear()
    const texts = ['CAUSAL_LM', 'SEQ_2_SEQ_LM', 'MASKED_LM'].includes(model.model.task) ? { perplexity } : {}
    const names = Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value])
    const shown = Object.entries({ ...texts, ...metrics }).map(([name, value]) => `, ${name} ${value.toFixed(3)}`)
    result(
      values.flag('json') === true
        ? JSON.stringify({ eval_loss: evalLoss, ...texts, ...Object.fromEntries(names) })
        : `loss ${evalLoss.toFixed(4)}${shown.join('')}`,
    )
    return 0
  } finally {
    await model.close()
    progress.end()
  }
}

function trainerOf(model: PretrainedModel | PeftModel, values: Values, options: TrainerOptions): SFTTrainer | Trainer {
  switch (model.model.task) {
    case 'CAUSAL_LM':
      return new SFTTrainer(options)
    case 'SEQ_CLS':
      return new Trainer({
        ...options,
        task: { ...sequenceClassification, metrics: () => labelMetrics(undefined, labelScores) },
      })
    case 'TOKEN_CLS': {
      const { labels } = model.loaded
      const names = labels?.some((name) => /^[BI]-/.test(name)) === true ? labels : undefined
      const task =
        names === undefined ? tokenClassification : { ...tokenClassification, metrics: () => entityMetrics(names) }
      return new Trainer({ ...options, task })
    }
    case 'QUESTION_ANS':
      return new Trainer({ ...options, task: questionAnswering(answerOptions(values)) })
    default:
      return new Trainer(options)
  }
}
