import { reference } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import type { PretrainedModel } from './pretrained-model.js'

describe('a tokenizer whose padding token lies beyond the model', () => {
  let plain: PretrainedModel
  let padded: PretrainedModel

  beforeAll(async () => {
    const files = await tinyModelFiles()
    plain = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
    const config = JSON.parse(await (files.get('tokenizer_config.json') as Blob).text()) as object
    const changed = new Blob([JSON.stringify({ ...config, pad_token: '<pad beyond>' })])
    padded = await AutoModelForCausalLM.fromPretrained(new Map([...files, ['tokenizer_config.json', changed]]), {
      backend: reference(),
    })
  })
  afterAll(async () => {
    await plain.close()
    await padded.close()
  })

  it('generates as the one without it, one prompt at a time or several of one length', async () => {
    expect((await padded.tokenizer()).padTokenId).toBe(plain.model.sizes.vocabularySize)
    const settings = { maxNewTokens: 4 }
    const { text } = await plain.generate({ prompt: 'the cat', ...settings })
    expect((await padded.generate({ prompt: 'the cat', ...settings })).text).toBe(text)
    const texts = await padded.generate({ prompt: ['the cat', 'the cat'], ...settings })
    expect(texts.map((made) => made.text)).toEqual([text, text])
  })

  it('names the token where prompts of several lengths need it', async () => {
    await expect(padded.generate({ prompt: ['a', 'the cat sat'], maxNewTokens: 2 })).rejects.toMatchObject({
      code: 'tokenizer.unfit',
      details: { token: '<pad beyond>' },
    })
  })

  it('trains and evaluates rows that do not hold it, and names the row that does', async () => {
    const loss = async (model: PretrainedModel, ...texts: string[]) => {
      const rows = texts.map((text) => ({ text }))
      const args = { perDeviceEvalBatchSize: 2 }
      return (await new SFTTrainer({ model, trainDataset: rows, evalDataset: rows, args }).evaluate()).evalLoss
    }
    expect(await loss(padded, 'the cat sat', 'a')).toBeCloseTo(await loss(plain, 'the cat sat', 'a'), 6)
    await expect(loss(padded, 'a', 'the <pad beyond> cat')).rejects.toMatchObject({
      code: 'tokenizer.unfit',
      details: { row: 2, token: '<pad beyond>' },
    })
  })
})
