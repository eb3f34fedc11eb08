import { causalLoss, reference } from '@espalier/core'
import { DataCollatorForCausalLM } from '@espalier/data'
import { lora } from '@espalier/lora'
import { adamw } from '@espalier/trainer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { checkpointed, fitRun, type RunToFit, roomWarnings } from './fit-run.js'
import { SFTTrainer } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

let base: Awaited<ReturnType<typeof AutoModelForCausalLM.fromPretrained>>
let run: RunToFit
beforeAll(async () => {
  base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const shape = { rows: 8, length: 64, countedSize: 8 }
  run = {
    trainable: getPeftModel(base, lora({ r: 2 })).adapted.trainable(),
    optimizer: adamw(),
    loss: causalLoss,
    checkpointing: [],
    batches: [{ shape, feeds: new DataCollatorForCausalLM({ padId: 0 }).collate([], shape).feeds }],
  }
})
afterAll(() => base.close())

const fit = (budget?: number, checkpointing: RunToFit['checkpointing'] = []) =>
  fitRun({ ...run, budget, checkpointing }, checkpointed(checkpointing))

describe('a run with a memory budget', () => {
  it('that it fits in keeps everything', async () => {
    const plain = await fit()
    expect(await fit(plain.memory.total)).toEqual(plain)
    expect(plain).toMatchObject({ transforms: [] })
    expect(plain).not.toHaveProperty('recomputation')
  })

  it('that is too small for that fits in it, and says what it costs', async () => {
    const [plain, all] = [await fit(), await fit(undefined, [{}])]
    const budget = (plain.memory.total + all.memory.total) / 2
    const { memory, recomputation, transforms } = await fit(budget)
    expect(memory.total).toBeLessThanOrEqual(budget)
    expect(transforms).toHaveLength(1)
    expect(recomputation?.savedBytes).toBe(plain.memory.total - memory.total)
    expect(recomputation?.moreMultiplyAdds).toBeGreaterThan(0)
    expect(recomputation?.moreMultiplyAdds).toBeLessThan(1 / 3)
  })

  it('begins with what is made again in any case', async () => {
    const { memory } = await fit(undefined, [{}])
    expect((await fit(memory.total, [{}])).transforms).toHaveLength(1)
    expect(await fit(memory.total, [{}])).not.toHaveProperty('recomputation')
  })

  it('that nothing fits in is refused with the least that does', async () => {
    const least = await fit(1).then(
      () => undefined,
      ({ code, details }) => (code === 'memory.budget' ? (details.least as number) : undefined),
    )
    expect(least).toBeGreaterThan(1)
    expect((await fit(least)).memory.total).toBeLessThanOrEqual(least as number)
    await expect(fit((least as number) - 1)).rejects.toMatchObject({ code: 'memory.budget', details: { least } })
  })
})

describe('a machine with too little memory', () => {
  it('is told of with what makes the run fit', async () => {
    const [plain, all] = [(await fit()).memory.total, (await fit(undefined, [{}])).memory.total]
    expect(await roomWarnings(run, plain, plain)).toEqual([])
    expect(await roomWarnings(run, plain, undefined)).toEqual([])
    const [fits = ''] = await roomWarnings(run, plain, plain - 1)
    expect(fits).toMatch(/with gradientCheckpointing it takes .*memoryBudget/)
    const [never = ''] = await roomWarnings(run, plain, all - 1)
    expect(never).toMatch(/smaller model.*gradientCheckpointing would still take/)
    const [already = ''] = await roomWarnings({ ...run, checkpointing: [{}] }, all, all - 1)
    expect(already).not.toMatch(/gradientCheckpointing/)
  })
})

describe('a trainer with a memory budget', () => {
  const trainDataset = Array.from({ length: 4 }, () => ({ text: 'say 1: one two three four five six seven eight' }))
  const trainer = (args: SFTConfig) =>
    new SFTTrainer({ model: getPeftModel(base, lora({ r: 2 })), trainDataset, args: { maxSteps: 2, ...args } })

  it('trains within it', async () => {
    const roomy = trainer({ memoryBudget: '1TB' })
    expect(await roomy.preflight()).not.toHaveProperty('recomputation')
    const { trainingLoss } = await roomy.train()
    expect(trainingLoss).toBeCloseTo((await trainer({}).train()).trainingLoss, 6)
  })

  it('refuses what cannot fit, at the preflight and at the run', async () => {
    await expect(trainer({ memoryBudget: '1KB' }).preflight()).rejects.toMatchObject({ code: 'memory.budget' })
    await expect(trainer({ memoryBudget: 1000 }).train()).rejects.toMatchObject({ code: 'memory.budget' })
  })

  it('refuses what is no size', () => {
    expect(() => trainer({ memoryBudget: '4 giga' })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
