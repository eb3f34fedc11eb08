import { namedParameters, packedParameters, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, type FromPretrainedOptions } from '../auto/auto-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import type { SFTConfig } from '../training/training-arguments.js'
import { prepareModelForKbitTraining } from './kbit-training.js'
import { getPeftModel } from './peft-model.js'
import type { PretrainedModel } from './pretrained-model.js'

const NF4 = { loadIn4bit: true, bnb4bitQuantType: 'nf4' } as const

let files: Map<string, Blob>
let base: PretrainedModel
beforeAll(async () => {
  files = await tinyModelFiles()
  base = await open({ quantizationConfig: NF4 })
})
afterAll(() => base.close())

const open = (options: FromPretrainedOptions) => AutoModelForCausalLM.fromPretrained(files, options)

async function trained(model: PretrainedModel, gradientCheckpointing?: SFTConfig['gradientCheckpointing']) {
  const args: SFTConfig = { maxSteps: 3, perDeviceTrainBatchSize: 4, gradientCheckpointing }
  const adapted = getPeftModel(model, lora({ r: 4, targetModules: 'all-linear' }))
  const trainer = new SFTTrainer({ model: adapted, trainDataset: tinyRows, args })
  const { memory } = await trainer.preflight()
  return { activations: memory.activations, loss: (await trainer.train().result).trainingLoss, args: trainer.args }
}

describe('prepareModelForKbitTraining', () => {
  it('has runs recompute activations, to the same loss, unless their arguments say otherwise', async () => {
    await using prepared = prepareModelForKbitTraining(base)
    const [plain, own, asked, refused] = [
      await trained(base),
      await trained(prepared),
      await trained(base, true),
      await trained(prepared, false),
    ]
    expect(own.activations).toBeLessThan(plain.activations)
    expect(own.activations).toBe(asked.activations)
    expect(refused.activations).toBe(plain.activations)
    expect(own.loss).toBeCloseTo(plain.loss, 5)
    expect(own.args.gradientCheckpointing).toEqual({})
    expect(plain.args.gradientCheckpointing).toBeUndefined()
  })

  it('keeps what it is told, and recomputes nothing where it is told so or nothing is packed', async () => {
    await using products = prepareModelForKbitTraining(base, { gradientCheckpointing: { keepsProducts: true } })
    await using none = prepareModelForKbitTraining(base, { useGradientCheckpointing: false })
    await using floats = await open({})
    await using ofFloats = prepareModelForKbitTraining(floats)
    expect(products.gradientCheckpointing).toEqual({ keepsProducts: true })
    expect([none, ofFloats].map((model) => model.gradientCheckpointing)).toEqual([undefined, undefined])
  })

  it('computes in float32 what is not packed, and still generates', async () => {
    await using half = await open({ quantizationConfig: NF4, dtype: 'float16', backend: reference() })
    await using prepared = prepareModelForKbitTraining(half)
    const dtypes = ({ model }: PretrainedModel) => {
      const packed = packedParameters(model)
      const plain = [...namedParameters(model).values()].filter((parameter) => !packed.has(parameter))
      return new Set(plain.map(({ dtype }) => dtype))
    }
    expect([dtypes(half), dtypes(prepared)]).toEqual([new Set(['f16']), new Set(['f32'])])
    expect(packedParameters(prepared.model)).toEqual(packedParameters(half.model))
    expect((await prepared.generate({ prompt: 'say 1: ', maxNewTokens: 2 })).tokenIds).toHaveLength(2)
  })

  it('stands on its own: the model that it was made of may close first', async () => {
    const first = await open({ quantizationConfig: NF4 })
    await using prepared = prepareModelForKbitTraining(first)
    await first.close()
    expect((await prepared.generate({ prompt: 'say 1: ', maxNewTokens: 2 })).text).not.toBe('')
  })

  it('refuses a model with adapters, and PyTorch’s own settings', () => {
    const adapted = getPeftModel(base, lora({ r: 2 })) as unknown as PretrainedModel
    expect(() => prepareModelForKbitTraining(adapted)).toThrow(expect.objectContaining({ code: 'config.value' }))
    const given = { gradientCheckpointingKwargs: { useReentrant: false } } as object
    expect(() => prepareModelForKbitTraining(base, given)).toThrow(
      expect.objectContaining({ code: 'config.unsupported' }),
    )
  })
})
