import { lora } from '@espalier/lora'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

it('learns the same with gradientCheckpointing, and expects less memory', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles())
  const of = async (gradientCheckpointing: SFTConfig['gradientCheckpointing']) => {
    const trainDataset = Array.from({ length: 4 }, () => ({ text: 'say 1: one two three four five six seven eight' }))
    const model = getPeftModel(base, lora({ r: 2 }))
    const args: SFTConfig = { gradientCheckpointing, maxSteps: 3, perDeviceTrainBatchSize: 4 }
    const trainer = new SFTTrainer({ model, trainDataset, args })
    const { activations } = (await trainer.preflight()).memory
    const losses: number[] = []
    for await (const event of trainer.train()) if (event.type === 'step') losses.push(event.loss)
    return { activations, losses }
  }
  const [plain, checkpointed, every] = [await of(false), await of(true), await of({ every: 1 })]
  expect(checkpointed).toEqual(every)
  expect(checkpointed.activations).toBeLessThan(plain.activations)
  expect(checkpointed.losses).toHaveLength(3)
  for (const [i, loss] of checkpointed.losses.entries()) expect(loss).toBeCloseTo(plain.losses[i] as number, 6)
})
