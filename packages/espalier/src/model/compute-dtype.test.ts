/** Models that compute in float16: everything that works in float32 works there, where the backend has it. */
import { onnx } from '@espalier/backend-onnx'
import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { getPeftModel, PeftModel } from './peft-model.js'

const ask = { prompt: 'say 1: ', maxNewTokens: 6 } as const

describe('a model in float16', { timeout: 120_000 }, () => {
  it('generates as in float32, trains an adapter whose losses are near, and merges it', async () => {
    const files = await tinyModelFiles()
    const run = async (dtype: 'float32' | 'float16') => {
      const base = await AutoModelForCausalLM.fromPretrained(files, { backend: reference(), dtype })
      const before = (await base.generate(ask)).text
      const model = getPeftModel(base, lora({ r: 2, targetModules: 'all-linear' }), { seed: 1 })
      const trainer = new SFTTrainer({
        model,
        trainDataset: tinyRows,
        args: { maxSteps: 3, learningRate: 0.02, seed: 1, loggingSteps: 1 },
      })
      const losses: number[] = []
      for await (const event of trainer.train()) if (event.type === 'step') losses.push(event.loss)
      const adapter = await model.toFiles()
      const merged = await model.mergeAndUnload()
      const saved = await merged.toFiles()
      await base.close()
      return { before, losses, adapter, saved }
    }
    const [whole, half] = [await run('float32'), await run('float16')]
    expect(half.before).toBe(whole.before)
    expect(half.losses).toHaveLength(3)
    for (const [i, loss] of half.losses.entries()) expect(loss / (whole.losses[i] as number)).toBeCloseTo(1, 2)
    expect(half.losses).not.toEqual(whole.losses)
    const sizes = (written: ReadonlyMap<string, Blob>) => [...written].map(([name, { size }]) => [name, size])
    expect(sizes(half.adapter)).toEqual(sizes(whole.adapter)) // adapters are f32 either way
    expect(sizes(half.saved)).toEqual(sizes(whole.saved)) // files keep the dtype that they had
    const base = await AutoModelForCausalLM.fromPretrained(files, { backend: reference(), dtype: 'float16' })
    const served = await PeftModel.fromPretrained(base, half.adapter)
    const again = await AutoModelForCausalLM.fromPretrained(half.saved, { backend: reference() })
    expect((await served.generate(ask)).text).toBe((await again.generate(ask)).text)
    await Promise.all([base.close(), again.close()])
  })

  it('is told to take the memory that its backend takes for it', async () => {
    const files = await tinyModelFiles()
    const weightsOf = async (dtype: 'float32' | 'float16') => {
      await using model = await AutoModelForCausalLM.fromPretrained(files, { backend: onnx({ threads: 1 }), dtype })
      const trainer = new SFTTrainer({
        model,
        peftConfig: lora({ r: 2 }),
        trainDataset: tinyRows,
        args: { maxSteps: 1 },
      })
      return (await trainer.preflight()).memory.weights
    }
    expect(await weightsOf('float16')).toBe(await weightsOf('float32')) // onnx rounds f32
  })

  it('trains every parameter in float32', async () => {
    const base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), {
      backend: reference(),
      dtype: 'float16',
    })
    const trainer = new SFTTrainer({
      model: base,
      trainDataset: tinyRows,
      args: { maxSteps: 3, learningRate: 0.01, seed: 1, loggingSteps: 1 },
    })
    const losses: number[] = []
    for await (const event of trainer.train()) if (event.type === 'step') losses.push(event.loss)
    expect(losses[2]).toBeLessThan(losses[0] as number)
    await base.close()
  })

  it('is refused where the backend does not compute in it, and by a name that means another dtype', async () => {
    const files = await tinyModelFiles()
    const backend = { ...reference(), name: 'narrow', dtypes: new Set(['f32', 'i32', 'u32', 'bool'] as const) }
    await expect(AutoModelForCausalLM.fromPretrained(files, { backend, dtype: 'float16' })).rejects.toMatchObject({
      code: 'backend.unsupported',
      details: { backend: 'narrow', dtype: 'f16' },
    })
    const dtype = 'bfloat16' as 'float16'
    await expect(AutoModelForCausalLM.fromPretrained(files, { backend: reference(), dtype })).rejects.toMatchObject({
      code: 'config.value',
      details: { dtype: 'bfloat16' },
    })
  })
})
