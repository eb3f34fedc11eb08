import { reference } from '@espalier/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer, type SFTTrainerOptions } from './sft-trainer.js'
import { Trainer } from './trainer.js'

let model: PretrainedModel

beforeAll(async () => {
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(() => model.close())

it('trainers refuse options that do not exist, with the nearest or with what to do', () => {
  for (const [options, text] of [
    [{ train_dataset: tinyRows }, 'Did you mean trainDataset?'],
    [{ processing_class: {} }, 'Give it as tokenizer'],
    [{ formattingFunc: () => '' }, 'Map the rows'],
    [{ callbacks: {} }, 'callbacks takes a value of type array'],
    [{ model: 'owner/name' }, 'fromPretrained'],
  ] as const) {
    const given = { model, trainDataset: tinyRows, ...options } as unknown as SFTTrainerOptions
    for (const Class of [Trainer, SFTTrainer]) expect(() => new Class(given)).toThrow(text)
  }
})

it('so do their calls', async () => {
  const trainer = new SFTTrainer({ model, trainDataset: tinyRows, evalDataset: tinyRows })
  const resume = { resume_from_checkpoint: true } as object
  await expect(trainer.train(resume)).rejects.toThrow('Did you mean resumeFromCheckpoint?')
  await expect(trainer.evaluate({ onProgres: () => {} } as object)).rejects.toThrow('Did you mean onProgress?')
})
