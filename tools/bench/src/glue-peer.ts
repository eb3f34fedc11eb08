/** Our side of the GLUE benchmark: what a user would write with `espalier`. Arguments: model folder, threads. A request is a JSON line, as of the Python side. */
import { createInterface } from 'node:readline'
import { onnx } from '@espalier/backend-onnx'
import { AutoModelForSequenceClassification, getPeftModel, lora, Trainer } from 'espalier'
import type { GlueAnswer, GlueRequest } from './glue.js'

const [folder = '', threads = '2'] = process.argv.slice(2)

async function run({ train, dev, epochs, seed, setting }: GlueRequest): Promise<GlueAnswer> {
  const began = performance.now()
  const used = process.cpuUsage()
  const base = await AutoModelForSequenceClassification.fromPretrained(folder, {
    backend: onnx({ threads: Number(threads) }),
    labels: 2,
    seed,
  })
  try {
    const model = getPeftModel(
      base,
      lora({
        r: setting.r,
        loraAlpha: setting.alpha,
        loraDropout: setting.dropout,
        targetModules: setting.targets,
        taskType: 'SEQ_CLS',
      }),
      { seed },
    )
    const found: Pick<GlueAnswer, 'predicted' | 'labels'>[] = []
    const trainer = new Trainer({
      model,
      trainDataset: train,
      evalDataset: dev,
      args: {
        numTrainEpochs: epochs,
        learningRate: setting.learningRate,
        perDeviceTrainBatchSize: setting.batch,
        perDeviceEvalBatchSize: setting.batch,
        maxLength: setting.length,
        seed,
      },
      computeMetrics({ predictions, labelIds }) {
        found.push({ predicted: predictions.map((logits) => logits.indexOf(Math.max(...logits))), labels: labelIds })
        return {}
      },
    })
    const trained = performance.now()
    const { globalStep } = await trainer.train()
    const trainingSeconds = (performance.now() - trained) / 1000
    await trainer.evaluate()
    const last = found.at(-1) as (typeof found)[number]
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(used)
    return { seconds, trainingSeconds, cpuSeconds: (user + system) / 1e6, steps: globalStep, ...last }
  } finally {
    await base.close()
  }
}

const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
answer({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as GlueRequest & { readonly do: string }
  if (request.do !== 'run') break
  answer(await run(request))
}
