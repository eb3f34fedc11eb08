/** Adapters whose file holds tensors of the base model: PEFT loads them over the base's own. */
import { hostTensor, namedParameters, type Parameter, readSource, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { blobFiles, memoryFolder, openWeights, tensorToWrite, writeSafetensors } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel, PeftModel } from './peft-model.js'

const TABLE = 'model.embed_tokens.weight'
const KEY = `base_model.model.${TABLE}`

/** An adapter's files with another token table for the tiny model, whose head shares it. */
async function adapterFiles(rows = 600): Promise<Map<string, Blob>> {
  await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  await using model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
  const files = await model.toFiles()
  const { tensors, close } = await openWeights(blobFiles(files), 'adapter_model')
  const own = await Promise.all(
    [...tensors.values()].map(async ({ name, dtype, shape, read }) => {
      const bytes = await read()
      return { name, dtype, shape, bytes: () => bytes }
    }),
  )
  await close()
  const values = Float32Array.from({ length: rows * 16 }, (_, i) => Math.sin(i))
  const output = memoryFolder()
  await writeSafetensors(output, 'adapter_model.safetensors', [
    ...own,
    tensorToWrite(KEY, hostTensor('f32', [rows, 16], values)),
  ])
  return new Map([...files, ...output.toFiles()])
}

async function tableOf(model: PeftModel): Promise<readonly number[]> {
  const { source } = namedParameters(model.base.model).get(TABLE) as Parameter
  return Array.from((await readSource(source)).data.slice(0, 3), Number)
}

const wanted = [0, 1, 2].map((i) => Math.fround(Math.sin(i)))

describe('an adapter with tensors of its base', () => {
  it('runs on them, is merged and saved with them, and leaves the base as it was', async () => {
    await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    const before = (await base.generate({ inputIds: [5, 9], maxNewTokens: 6 })).tokenIds
    await using model = await PeftModel.fromPretrained(base, await adapterFiles())
    expect(model.warnings).toEqual([])
    expect(await tableOf(model)).toEqual(wanted)
    const made = (await model.generate({ inputIds: [5, 9], maxNewTokens: 6 })).tokenIds
    expect(made).not.toEqual(before)
    await using merged = await model.mergeAndUnload()
    expect((await merged.generate({ inputIds: [5, 9], maxNewTokens: 6 })).tokenIds).toEqual(made)
    await using again = await PeftModel.fromPretrained(base, await model.toFiles())
    expect(await tableOf(again)).toEqual(wanted)
    expect((await base.generate({ inputIds: [5, 9], maxNewTokens: 6 })).tokenIds).toEqual(before)
  })

  it('closes with its base, and closes a base that it owns', async () => {
    const files = await adapterFiles()
    const base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    const first = await PeftModel.fromPretrained(base, files)
    await first.close()
    const second = await PeftModel.fromPretrained(base, files, { ownsBase: true })
    let isClosed = false
    base.onClose(() => {
      isClosed = true
    })
    await second.close()
    expect(isClosed).toBe(true)
  })

  it('is refused beside another adapter, and where it has more rows than the base', async () => {
    await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    const files = await adapterFiles()
    await using model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
    await expect(model.loadAdapter(files, { adapterName: 'other' })).rejects.toMatchObject({
      code: 'adapter.tensors',
      details: { parameters: [TABLE] },
    })
    expect(model.adapterNames).toEqual(['default'])
    await expect(PeftModel.fromPretrained(base, await adapterFiles(603))).rejects.toMatchObject({
      code: 'adapter.tensors',
      details: { faults: [`${TABLE}: [603, 16], the model has [600, 16]`] },
    })
  })
})
