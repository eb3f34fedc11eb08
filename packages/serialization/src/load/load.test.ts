import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Architecture, hostTensor, namedParameters, readSource } from '@espalier/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryFolder } from '../files/output-folder.js'
import { tensorToWrite } from './save-adapter.js'
import { saveModel } from './save-model.js'
import { floats, load, modelFiles, tiny } from './tiny-model.fake.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-load-'))
})
afterEach(() => rmSync(root, { recursive: true }))

async function onDisk(folder: string, files: Map<string, Blob>): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (const [name, blob] of files) writeFileSync(join(folder, name), new Uint8Array(await blob.arrayBuffer()))
  return folder
}

describe('loadModel', () => {
  it('finds parameters by older names and without the prefix, and starts a new head', async () => {
    const model = await load(await modelFiles(), { labels: ['no', 'maybe', 'yes'] })
    const parameters = namedParameters(model.model)
    expect([...parameters.keys()].sort()).toEqual([
      'classifier.bias',
      'classifier.weight',
      'tiny.embed.weight',
      'tiny.query.weight',
    ])
    expect([...(await readSource(parameters.get('tiny.query.weight')!.source)).data]).toEqual([2, 2, 2, 2])
    expect(parameters.get('classifier.weight')?.shape).toEqual([3, 2])
    expect([...model.initialized].sort()).toEqual(['classifier.bias', 'classifier.weight'])
    expect(model.unused).toEqual(['extra'])
    expect(model.warnings).toEqual([
      expect.stringMatching(/1 tensors .*: extra$/),
      expect.stringMatching(/no classifier\.bias, classifier\.weight: they start at random values/),
    ])
    expect([model.labels, model.config.num_labels, model.nameOrPath]).toEqual([['no', 'maybe', 'yes'], 3, null])
    const again = await load(await modelFiles(), { labels: 3 })
    const head = (loaded: typeof model) => readSource(namedParameters(loaded.model).get('classifier.weight')!.source)
    expect(await head(again)).toEqual(await head(model))
  })

  it('takes the bare model out of a checkpoint with a head', async () => {
    const tensors = [
      floats('tiny.embed.weight', [3, 2], 1),
      floats('tiny.query.weight', [2, 2], 2),
      floats('classifier.weight', [2, 2], 3),
      floats('classifier.bias', [2], 0),
    ]
    const files = await modelFiles({ architectures: ['TinyForSequenceClassification'] }, tensors)
    const bare = await load(files, { task: 'FEATURE_EXTRACTION' })
    expect([...namedParameters(bare.model).keys()].sort()).toEqual(['embed.weight', 'query.weight'])
    expect((await load(files)).model.task).toBe('SEQ_CLS')
    expect((await load(await modelFiles({ architectures: ['TinyModel'] }))).model.task).toBe('FEATURE_EXTRACTION')
  })

  it('refuses a file that has the bare model under the name of another task, as transformers does not read it', async () => {
    const renamed = { ...tiny, taskPrefixes: { SEQ_CLS: 'other' } } satisfies Architecture
    const named = (prefix: string) =>
      modelFiles({}, [floats(`${prefix}embed.weight`, [3, 2], 1), floats(`${prefix}query.weight`, [2, 2], 2)])
    const refused = expect.objectContaining({ code: 'model.unsupported' })
    const loaded = async (prefix: string, task: 'SEQ_CLS' | 'FEATURE_EXTRACTION') =>
      load(await named(prefix), { architectures: [renamed], task })
    await expect(loaded('tiny.', 'SEQ_CLS')).rejects.toEqual(refused)
    await expect(loaded('other.', 'FEATURE_EXTRACTION')).rejects.toEqual(refused)
    expect((await loaded('tiny.', 'FEATURE_EXTRACTION')).initialized).toEqual([])
    expect(namedParameters((await loaded('', 'FEATURE_EXTRACTION')).model).size).toBe(2)
  })

  it('tells where on the disk a weight lies, and what the model is called', async () => {
    const folder = await onDisk(join(root, 'plain'), await modelFiles())
    const plain = await load(folder)
    const { source } = namedParameters(plain.model).get('tiny.query.weight')!
    expect(source.file).toMatchObject({ path: realpathSync(join(folder, 'model.safetensors')), byteLength: 16 })
    expect([plain.nameOrPath, plain.revision]).toEqual([folder, null])
    const cached = await onDisk(join(root, 'models--me--model', 'snapshots', 'a'.repeat(40)), await modelFiles())
    expect(await load(cached)).toMatchObject({ nameOrPath: 'me/model', revision: 'a'.repeat(40) })
  })

  it('says what does not fit', async () => {
    await expect(load(await modelFiles({ model_type: 'other' }))).rejects.toMatchObject({
      code: 'plugin.unknown',
      details: { known: ['tiny'] },
    })
    await expect(load(await modelFiles({ model_type: 'other', auto_map: {} }))).rejects.toMatchObject({
      code: 'model.code',
    })
    await expect(load(await modelFiles({}, [floats('embed.weight', [3, 2], 1)]))).rejects.toMatchObject({
      code: 'model.parameters',
    })
    await expect(
      load(await modelFiles({}, [floats('embed.weight', [9, 2], 1), floats('query.weight', [2, 2], 1)])),
    ).rejects.toMatchObject({ code: 'model.parameters' })
    await expect(load(await modelFiles(), { task: 'CAUSAL_LM' })).rejects.toMatchObject({ code: 'model.unsupported' })
    const whole = [
      floats('embed.weight', [3, 2], 1),
      { name: 'query.weight', dtype: 'I64' as const, shape: [2, 2], bytes: () => new Uint8Array(32) },
    ]
    await expect(load(await modelFiles({}, whole))).rejects.toMatchObject({ code: 'safetensors.dtype' })
    await expect(load(await modelFiles(), { signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
  })
})

describe('loadModel of quantized weights', () => {
  const codes = { name: 'query.weight', dtype: 'I8' as const, shape: [2, 2], bytes: () => new Uint8Array(4) }
  const int8 = [floats('embed.weight', [3, 2], 1), codes, floats('query.SCB', [2], 1)]

  it('refuses them by their method, before any weight is looked at', async () => {
    const quantization_config = { quant_method: 'bitsandbytes', load_in_8bit: true }
    const error = load(await modelFiles({ quantization_config }, int8))
    await expect(error).rejects.toMatchObject({
      code: 'model.quantized',
      details: { method: 'bitsandbytes', form: 'int8' },
    })
    const files = await modelFiles({ text_config: { quantization_config: { quant_method: 'awq' } } })
    files.delete('model.safetensors')
    await expect(load(files)).rejects.toMatchObject({ code: 'model.quantized', details: { method: 'awq' } })
  })

  it('refuses codes that config.json is silent about, by name', async () => {
    await expect(load(await modelFiles({}, int8))).rejects.toMatchObject({
      code: 'model.quantized',
      details: { tensors: ['query.SCB', 'query.weight'] },
    })
  })
})

describe('saveModel', () => {
  it('writes a folder that loads again, with values that were trained', async () => {
    const memory = memoryFolder()
    const model = await load(await modelFiles(), { labels: 2 })
    const trained = hostTensor('f32', [2, 2], Float32Array.of(5, 6, 7, 8))
    await saveModel(model, memory, {
      values: new Map([['tiny.query.weight', trained]]),
      files: { 'generation_config.json': '{}' },
    })
    const again = await load(memory.toFiles())
    expect([again.initialized, again.unused]).toEqual([[], []])
    expect((await readSource(namedParameters(again.model).get('tiny.query.weight')!.source)).data).toEqual(trained.data)
    expect(again.hfConfig.architectures).toEqual(['TinyForSequenceClassification'])
    expect(again.config.dtype).toBe('float32')
  })

  it('writes a merged model in what its base is stored in, unless told otherwise', async () => {
    const half = (name: string, shape: number[], value: number) =>
      tensorToWrite(name, hostTensor('bf16', shape, new Float32Array(shape[0]! * shape[1]!).fill(value)))
    const tensors = [half('embed.weight', [3, 2], 1), half('query.weight', [2, 2], 2)]
    const base = await load(await modelFiles({ torch_dtype: 'bfloat16', architectures: ['TinyModel'] }, tensors), {
      task: 'FEATURE_EXTRACTION',
    })
    const values = new Map([
      ['query.weight', hostTensor('f32', [2, 2], Float32Array.of(1 + 2 ** -7, 1 + 2 ** -9, 3, 4))],
    ])
    const saved = async (options: object) => {
      const memory = memoryFolder()
      await saveModel(base, memory, options)
      const again = await load(memory.toFiles(), { task: 'FEATURE_EXTRACTION' })
      const { source } = namedParameters(again.model).get('query.weight')!
      const dtypes = new Set([...namedParameters(again.model).values()].map((parameter) => parameter.source.dtype))
      return { dtypes: [...dtypes], config: again.config.dtype, values: [...(await readSource(source)).data] }
    }
    expect(await saved({ values })).toEqual({ dtypes: ['bf16'], config: 'bfloat16', values: [1 + 2 ** -7, 1, 3, 4] })
    expect(await saved({ values, dtype: 'f32' })).toEqual({
      dtypes: ['f32'],
      config: 'float32',
      values: [1 + 2 ** -7, 1 + 2 ** -9, 3, 4],
    })
    expect(await saved({ dtype: 'f16' })).toMatchObject({ dtypes: ['f16'], config: 'float16' })
    const all = new Map([...values, ['embed.weight', hostTensor('f32', [3, 2])]])
    expect(await saved({ values: all })).toMatchObject({ dtypes: ['f32'], config: 'float32' })
  })
})
