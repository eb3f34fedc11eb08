import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, type PretrainedModel, SFTTrainer } from '../index.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

let work: { readonly path: string; remove(): void }
let model: PretrainedModel
beforeAll(async () => {
  work = await temporaryFolder()
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(async () => {
  await model.close()
  work.remove()
})

const STEPS = 4

/** Trains in a folder; the best evaluation is the worst one, which is the first. */
const train = (name: string, more: object, resume: boolean) =>
  new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows.slice(0, 2),
    evalDataset: tinyRows.slice(0, 2),
    args: {
      ...{ outputDir: join(work.path, name), learningRate: 0.03, lrSchedulerType: 'constant', saveSteps: 1 },
      ...{ evalStrategy: 'steps', evalSteps: 1, metricForBestModel: 'perplexity', greaterIsBetter: true },
      ...{ maxSteps: STEPS, ...more },
    },
  }).train(resume ? { resumeFromCheckpoint: true, allowChanges: ['maxSteps', 'loadBestModelAtEnd'] } : {})

it('a run that began without keeping its best values ends with them where it is asked to, as far as a checkpoint has them', async () => {
  await train('whole', { loadBestModelAtEnd: true }, false)
  const { best_global_step: best } = JSON.parse(readFileSync(join(work.path, 'whole/trainer_state.json'), 'utf8')) as {
    best_global_step: number
  }
  expect(best).toBeLessThan(STEPS - 1)
  for (const name of ['going on', 'without']) await train(name, { maxSteps: STEPS - 1 }, false)
  await train('going on', { loadBestModelAtEnd: true }, true)
  const bytes = (name: string) => readFileSync(join(work.path, name, 'adapter_model.safetensors'))
  expect(bytes('going on')).toEqual(bytes('whole'))
  rmSync(join(work.path, 'without', `checkpoint-${best}`), { recursive: true })
  await expect(train('without', { loadBestModelAtEnd: true }, true)).rejects.toMatchObject({ code: 'checkpoint.unfit' })
})
