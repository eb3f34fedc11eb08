/** `espalier eval`: mean loss, and what the model's head is measured by. */
import { dataPaths, datasetOf } from './data-files.js'
import { asOptions } from './failure.js'
import { loadWithHead } from './load.js'
import { Progress, result } from './terminal.js'
import { trainerOf, writesTexts } from './trainer-of.js'
import { defined, type Values } from './values.js'

/** Runs the command; its exit code. */
export async function evaluate(values: Values): Promise<number> {
  const paths = await dataPaths(values, 'eval')
  const progress = new Progress(values.flag('quiet') === true)
  const model = await loadWithHead(values, progress)
  try {
    const rows = datasetOf(paths, values)
    const trainer = trainerOf(values, {
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
    const texts = writesTexts(model.model.task) ? { perplexity } : {}
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
