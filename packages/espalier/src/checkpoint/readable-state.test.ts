import { reference } from '@espalier/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, type PretrainedModel, SFTTrainer, type TrainerCallback } from '../index.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

let work: Awaited<ReturnType<typeof temporaryFolder>>
let model: PretrainedModel
beforeAll(async () => {
  work = await temporaryFolder()
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(async () => {
  await model.close()
  work.remove()
})

it.each([
  ['a number', 3],
  ['an object without args', { attributes: { count: 3 } }],
  ['attributes in a list', { args: {}, attributes: [3] }],
])('refuses a checkpoint with a callback’s state that could not be read again: %s', async (name, kept) => {
  const callback = { stateName: 'Counting', state: () => kept } as unknown as TrainerCallback
  const run = new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows,
    callbacks: [callback],
    args: { outputDir: `${work.path}/${name}`, maxSteps: 1, saveSteps: 1 },
  }).train()
  await expect(run).rejects.toMatchObject({ code: 'config.value', details: { callback: 'Counting', state: kept } })
})
