import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { lora } from '@espalier/lora'
import type { BitsAndBytesConfig } from '@espalier/quantization'
import { openSource, openWeights } from '@espalier/serialization'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'

const PROMPT = { prompt: 'say 1: ', maxNewTokens: 4 }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

const open = (source: string | Map<string, Blob>, quantizationConfig: BitsAndBytesConfig = {}) =>
  AutoModelForCausalLM.fromPretrained(source, { backend: onnx({ threads: 1 }), quantizationConfig })

const forms: readonly (readonly [string, BitsAndBytesConfig])[] = [
  ['nf4 with packed scales', { loadIn4bit: true, bnb4bitQuantType: 'nf4', bnb4bitUseDoubleQuant: true }],
  ['fp4', { loadIn4bit: true }],
  ['LLM.int8()', { loadIn8bit: true }],
]

describe('a packed base', () => {
  it.each(forms)(
    '%s: trains an adapter that is saved, loaded, and merged into codes that are loaded again',
    async (_, config) => {
      const files = await tinyModelFiles()
      await using base = await open(files, config)
      const model = getPeftModel(base, lora({ r: 4, loraAlpha: 16, targetModules: 'all-linear' }))
      const args = { maxSteps: 40, learningRate: 0.03, perDeviceTrainBatchSize: 6 }
      const trainer = new SFTTrainer({ model, trainDataset: tinyRows, evalDataset: tinyRows, args })
      const before = await trainer.evaluate()
      expect((await trainer.train().result).trainingLoss).toBeLessThan(0.7 * before.evalLoss)
      const { text } = await model.generate(PROMPT)
      expect(text).not.toBe((await base.generate(PROMPT)).text)

      const adapter = join(folder.path, 'adapter')
      await model.savePretrained(adapter)
      await using loaded = await PeftModel.fromPretrained(await open(files, config), adapter, { ownsBase: true })
      expect((await loaded.generate(PROMPT)).text).toBe(text)

      const merged = join(folder.path, 'merged')
      expect(model.warnings.join()).not.toContain('encoded again')
      await using unloaded = await model.mergeAndUnload()
      expect(model.warnings).toEqual([expect.stringMatching(/packed weights were encoded again .* what was merged/)])
      await unloaded.savePretrained(merged)
      expect(JSON.parse(readFileSync(join(merged, 'config.json'), 'utf8'))).toHaveProperty('quantization_config')
      await using again = await open(merged)
      // Packing again rounds again, so the merged model is compared with itself.
      expect((await again.generate(PROMPT)).text).toBe((await unloaded.generate(PROMPT)).text)
    },
  )

  it('keeps its head in floats, counts as the floats that it stands for, and is saved packed', async () => {
    await using floats = await open(await tinyModelFiles())
    await using base = await open(await tinyModelFiles(), forms[0]?.[1])
    const counts = [floats, base].map((each) => getPeftModel(each, lora({ r: 4 })).printTrainableParameters())
    expect(counts[1]).toBe(counts[0])
    const saved = join(folder.path, 'saved')
    await base.savePretrained(saved)
    const { tensors } = await openWeights(await openSource(saved))
    const codes = [...tensors].filter(([name, { dtype }]) => name.endsWith('_proj.weight') && dtype === 'U8')
    expect(codes.length).toBeGreaterThan(0)
    expect([...tensors.keys()].filter((name) => name.endsWith('nested_offset'))).toEqual([])
    expect(
      [...tensors].filter(([name, { dtype }]) => /lm_head|embed_tokens|norm/.test(name) && dtype !== 'F32'),
    ).toEqual([])
    await using again = await open(saved)
    expect((await again.generate(PROMPT)).text).toBe((await base.generate(PROMPT)).text)
  })

  it('is read as it says itself, whatever is asked for', async () => {
    await using eight = await open(await tinyModelFiles(), { loadIn8bit: true })
    const saved = join(folder.path, 'eight')
    await eight.savePretrained(saved)
    await using again = await open(saved, { loadIn4bit: true })
    expect((await again.generate(PROMPT)).text).toBe((await eight.generate(PROMPT)).text)
  })

  it('is not trained in full', async () => {
    await using base = await open(await tinyModelFiles(), { loadIn8bit: true })
    expect(() => new SFTTrainer({ model: base, trainDataset: tinyRows })).toThrow(
      expect.objectContaining({ code: 'model.quantized' }),
    )
  })
})
