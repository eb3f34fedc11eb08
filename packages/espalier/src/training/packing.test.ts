/** Packed rows learn what rows of their own learn, and are counted as TRL counts them. */
import { onnx } from '@espalier/backend-onnx'
import { type Backend, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { gpt2 } from '@espalier/models'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

const ROOM = 40
const args: SFTConfig = { maxLength: ROOM, maxSteps: 3, perDeviceTrainBatchSize: 8, learningRate: 1e-2 }

const gpt2Config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 600,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  n_positions: 128,
  attn_pdrop: 0,
  embd_pdrop: 0,
  resid_pdrop: 0,
}

/** Losses, norms of gradients and what was trained at last, over all rows at each step. */
async function learned(files: Awaited<ReturnType<typeof tinyModelFiles>>, backend: Backend, own: SFTConfig) {
  await using base = await AutoModelForCausalLM.fromPretrained(files, { backend })
  const model = getPeftModel(base, lora({ r: 2, initLoraWeights: 'gaussian' }))
  const data = { trainDataset: tinyRows, evalDataset: tinyRows.slice(0, 4) }
  const trainer = new SFTTrainer({ model, ...data, args: { ...args, ...own } })
  const steps: { loss: number; gradNorm: number; tokens: number; usefulTokens: number }[] = []
  for await (const event of trainer.train())
    if (event.type === 'step') {
      const { loss, gradNorm, tokens, usefulTokens } = event
      steps.push({ loss, gradNorm: gradNorm as number, tokens, usefulTokens })
    }
  return { steps, evaluated: (await trainer.evaluate()).evalLoss }
}

describe.each([
  ['reference', () => reference()],
  ['onnx', () => onnx({ threads: 1 })],
] as const)('on %s', (_, backend) => {
  it.each([
    ['a model with rotary positions', () => tinyModelFiles()],
    ['a model with learned positions', () => tinyModelFiles('CAUSAL_LM', { family: gpt2, config: gpt2Config })],
  ] as const)('the losses and gradients of %s are those of rows apart', { timeout: 60_000 }, async (_, made) => {
    const files = await made()
    const apart = await learned(files, backend(), {})
    for (const own of [{ packing: true }, { packing: true, packingStrategy: 'ffd', evalPacking: false }] as const) {
      const packed = await learned(files, backend(), own)
      for (const [i, { loss, gradNorm, ...counts }] of packed.steps.entries()) {
        const want = apart.steps[i] as (typeof apart.steps)[number]
        expect(counts).toEqual({ tokens: want.tokens, usefulTokens: want.usefulTokens })
        expect(loss).toBeCloseTo(want.loss, 5)
        expect(gradNorm).toBeCloseTo(want.gradNorm, 4)
      }
      expect(packed.evaluated).toBeCloseTo(apart.evaluated, 5)
    }
    const wrapped = await learned(files, backend(), { packing: true, packingStrategy: 'wrapped' })
    expect(Math.abs((wrapped.steps[0]?.loss as number) - (apart.steps[0]?.loss as number))).toBeGreaterThan(1e-3)
  })
})

describe('SFTTrainer', () => {
  const trainerOf = async (own: SFTConfig) => {
    const model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles())
    return { model, trainer: new SFTTrainer({ model, peftConfig: lora({ r: 2 }), trainDataset: tinyRows, args: own }) }
  }

  it('counts packed rows as the rows of a step, and says how full they are', async () => {
    const { model, trainer } = await trainerOf({ maxLength: ROOM, packing: true, perDeviceTrainBatchSize: 1 })
    const { supervision, totalSteps } = await trainer.preflight()
    const { packing, tokens } = supervision
    expect(packing).toEqual({ strategy: 'bfd', maxLength: ROOM, rows: Math.ceil(tokens / ROOM) })
    expect(totalSteps).toBe(3 * (packing?.rows as number))
    expect(packing?.rows).toBeLessThan(tinyRows.length)
    await model.close()
  })

  it.each([
    [{ packing: true, maxLength: null }, 'config.value', 'a length to fill'],
    [{ packing: true, packingStrategy: 'best' as never }, 'config.value', 'bfd, ffd, bfd_split, wrapped'],
  ] as const)('refuses %o', async (own, code, text) => {
    const { model, trainer } = await trainerOf(own)
    const failed = trainer.preflight()
    await expect(failed).rejects.toMatchObject({ code })
    await expect(failed).rejects.toThrow(text)
    await model.close()
  })
})
