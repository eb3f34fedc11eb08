/** `espalier eval`: mean loss and perplexity. */
import { SFTTrainer } from '../training/sft-trainer.js'
import { dataPaths, datasetOf } from './data-files.js'
import { asOptions } from './failure.js'
import { loadWithAdapter } from './load.js'
import { Progress, result } from './terminal.js'
import { defined, type Values } from './values.js'

/** Runs the command; its exit code. */
export async function evaluate(values: Values): Promise<number> {
  const paths = await dataPaths(values, 'eval')
  const progress = new Progress(values.flag('quiet') === true)
  const model = await loadWithAdapter(values, progress)
  try {
    const rows = datasetOf(paths, values)
    const trainer = new SFTTrainer({
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
    const { evalLoss, perplexity } = await trainer.evaluate({
      onProgress: ({ tokens, totalTokens }) =>
        progress.update(`evaluating: ${Math.floor((100 * tokens) / totalTokens)} %`),
    })
    progress.clear()
    result(
      values.flag('json') === true
        ? JSON.stringify({ eval_loss: evalLoss, perplexity })
        : `loss ${evalLoss.toFixed(4)}, perplexity ${perplexity.toFixed(3)}`,
    )
    return 0
  } finally {
    await model.close()
    progress.end()
  }
}
