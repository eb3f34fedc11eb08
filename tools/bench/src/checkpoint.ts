/** What a checkpoint costs a run: the time from the end of a step until all of it is on the disk, against a step. All linear layers train, which makes the state large. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AutoModelForCausalLM, lora, namedBackend, SFTTrainer } from 'espalier'
import type { Finding } from './finding.js'
import { median } from './peer.js'
import { gsm8kTexts } from './rows.js'
import type { Setup } from './setup.js'

const ROWS = 1 // of a step: the shortest one, which a checkpoint delays most
const TOKENS = 256
const MEGABYTE = 1e6

/** The benchmark. */
export async function checkpoint({ model: folder, data, threads, rounds, progress }: Setup): Promise<Finding[]> {
  const backend = await namedBackend('onnx', { threads })
  const model = await AutoModelForCausalLM.fromPretrained(folder, { backend })
  const outputDir = await mkdtemp(join(tmpdir(), 'espalier-bench-'))
  try {
    const [steps, stalls]: [number[], number[]] = [[], []]
    let stepEnded = 0
    await new SFTTrainer({
      model,
      peftConfig: lora({ r: 8, targetModules: 'all-linear' }),
      trainDataset: await gsm8kTexts(data, ROWS * (rounds + 1)),
      onEvent(event) {
        if (event.type === 'step') {
          stepEnded = performance.now()
          if (event.step > 1) steps.push(event.seconds) // the first one compiles
        }
        if (event.type !== 'save' || event.kind !== 'checkpoint') return
        stalls.push((performance.now() - stepEnded) / 1000)
        progress(`checkpoint ${event.step}: ${stalls.at(-1)?.toFixed(3)} s`)
      },
      args: {
        outputDir,
        maxSteps: rounds + 1,
        saveSteps: 1,
        saveTotalLimit: 2,
        perDeviceTrainBatchSize: ROWS,
        maxLength: TOKENS,
      },
    }).train()
    return [
      { name: 'a step', value: median(steps), unit: 's' },
      { name: 'a checkpoint', value: median(stalls), unit: 's' },
      { name: 'the longest checkpoint', value: Math.max(...stalls), unit: 's' },
      { name: 'its size', value: (await sizeOf(join(outputDir, `checkpoint-${rounds + 1}`))) / MEGABYTE, unit: 'MB' },
      { name: 'a checkpoint against a step', value: median(stalls) / median(steps), unit: 'x', target: { atMost: 1 } },
    ]
  } finally {
    await model.close()
    await rm(outputDir, { recursive: true })
  }
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((a, b) => a + b, 0)
}
