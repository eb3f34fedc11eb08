import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { type HostTensor, hostTensor, toFloat32 } from '@espalier/core'
import { lora } from '@espalier/lora'
import {
  memoryFolder,
  openSource,
  openWeights,
  readFloats,
  tensorToWrite,
  writeSafetensors,
} from '@espalier/serialization'
import { bitsandbytes } from '@espalier/serialization/load/bitsandbytes.fake.js'
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

const open = (source: string | Map<string, Blob>) =>
  AutoModelForCausalLM.fromPretrained(source, { backend: onnx({ threads: 1 }), quantizers: [bitsandbytes] })

/** The tiny model with the weights of its projections as LLM.int8 stores them. */
async function int8Files(): Promise<Map<string, Blob>> {
  const files = await tinyModelFiles()
  const { tensors } = await openWeights(await openSource(files))
  const written = await Promise.all(
    [...tensors].map(async ([name, { dtype, shape, read }]) => {
      const values = hostTensor('f32', shape, readFloats(dtype, await read()))
      return name.endsWith('_proj.weight') ? int8(name, values) : [tensorToWrite(name, values)]
    }),
  )
  const packed = memoryFolder()
  await writeSafetensors(packed, 'model.safetensors', written.flat())
  const config = JSON.parse((await files.get('config.json')?.text()) ?? '') as object
  const quantization_config = { quant_method: 'bitsandbytes', load_in_8bit: true }
  return new Map([...files, ...packed.toFiles()]).set(
    'config.json',
    new Blob([JSON.stringify({ ...config, quantization_config })]),
  )
}

function int8(name: string, tensor: HostTensor) {
  const values = toFloat32(tensor)
  const [rows = 0, columns = 0] = tensor.shape
  const scales = Array.from({ length: rows }, (_, i) =>
    Math.max(...values.subarray(i * columns, (i + 1) * columns).map(Math.abs)),
  )
  const codes = Array.from(values, (value, i) => Math.round((value / (scales[Math.floor(i / columns)] ?? 1)) * 127))
  return [
    tensorToWrite(name, hostTensor('i8', tensor.shape, codes)),
    tensorToWrite(name.replace('weight', 'SCB'), hostTensor('f32', [rows], scales)),
  ]
}

describe('a packed base', () => {
  it('trains an adapter that is saved, loaded, and merged into codes that are loaded again', async () => {
    const files = await int8Files()
    await using base = await open(files)
    const model = getPeftModel(base, lora({ r: 4, loraAlpha: 16, targetModules: 'all-linear' }))
    const args = { maxSteps: 40, learningRate: 0.03, perDeviceTrainBatchSize: 6 }
    const trainer = new SFTTrainer({ model, trainDataset: tinyRows, evalDataset: tinyRows, args })
    const before = await trainer.evaluate()
    expect((await trainer.train().result).trainingLoss).toBeLessThan(0.7 * before.evalLoss)
    const { text } = await model.generate(PROMPT)
    expect(text).not.toBe((await base.generate(PROMPT)).text)

    const adapter = join(folder.path, 'adapter')
    await model.savePretrained(adapter)
    await using loaded = await PeftModel.fromPretrained(await open(files), adapter, { ownsBase: true })
    expect((await loaded.generate(PROMPT)).text).toBe(text)

    const merged = join(folder.path, 'merged')
    await using unloaded = await model.mergeAndUnload()
    await unloaded.savePretrained(merged)
    expect(JSON.parse(readFileSync(join(merged, 'config.json'), 'utf8'))).toHaveProperty('quantization_config')
    await using again = await open(merged)
    expect((await again.generate(PROMPT)).text).toBe(text)
  })

  it('is not trained in full', async () => {
    await using base = await open(await int8Files())
    expect(() => new SFTTrainer({ model: base, trainDataset: tinyRows })).toThrow(
      expect.objectContaining({ code: 'model.quantized' }),
    )
  })
})
