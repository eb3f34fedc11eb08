import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, type PretrainedModel, type SFTConfig, SFTTrainer } from '../index.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'

const peftConfig = lora({ r: 2, targetModules: 'all-linear' })
let local: Awaited<ReturnType<typeof temporaryFolder>>
let model: PretrainedModel

beforeAll(async () => {
  local = await temporaryFolder({ model: true })
  model = await AutoModelForCausalLM.fromPretrained(local.path)
})
afterAll(async () => {
  await model.close()
  local.remove()
})

const trainerOf = (args: SFTConfig) =>
  new SFTTrainer({ model, peftConfig, trainDataset: tinyRows, args: { maxSteps: 4, ...args } })

describe('outputDir', () => {
  it('is no empty path, and not the base model’s own folder', async () => {
    expect(() => trainerOf({ outputDir: '' })).toThrow(expect.objectContaining({ code: 'config.value' }))
    const trainer = trainerOf({ outputDir: local.path, overwriteOutputDir: true })
    await expect(trainer.train()).rejects.toMatchObject({ code: 'config.value' })
    await expect(trainer.saveModel('')).rejects.toMatchObject({ code: 'config.value' })
  })
})
