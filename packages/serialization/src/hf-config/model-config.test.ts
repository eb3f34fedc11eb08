import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blobFiles } from '../files/blob-files.js'
import { folderFiles } from '../node/folder-files.js'
import { readGenerationConfig, readModelConfig } from './model-config.js'

const filesOf = (files: Record<string, unknown>) =>
  blobFiles(
    new Map(
      Object.entries(files).map(([name, value]) => [
        name,
        new Blob([typeof value === 'string' ? value : JSON.stringify(value)]),
      ]),
    ),
  )
const read = (config: unknown, knownTypes: string[] = []) =>
  readModelConfig(filesOf({ 'config.json': config }), { knownTypes })

describe('readModelConfig', () => {
  it('gives the layout of transformers 5 for both layouts', async () => {
    const five = await read({
      model_type: 'llama',
      dtype: 'bfloat16',
      rope_parameters: { rope_type: 'default', rope_theta: 1e4 },
    })
    const four = await read({ model_type: 'llama', torch_dtype: 'bfloat16', rope_theta: 1e4, rope_scaling: null })
    for (const { values } of [five, four]) {
      expect(values).toMatchObject({ dtype: 'bfloat16', rope_parameters: { rope_type: 'default', rope_theta: 1e4 } })
    }
    const scaled = await read({ model_type: 'llama', rope_theta: 5e5, rope_scaling: { type: 'linear', factor: 2 } })
    expect(scaled.values.rope_parameters).toEqual({ rope_type: 'linear', rope_theta: 5e5, factor: 2 })
    const newer = await read({ model_type: 'llama', rope_scaling: { type: 'x', rope_type: 'llama3', factor: 8 } })
    expect(newer.values.rope_parameters).toEqual({ rope_type: 'llama3', factor: 8 })
    expect((await read({ model_type: 'bert' })).values).toEqual({ model_type: 'bert' })
  })

  // transformers fails where one kind of positions stands beside the older keys of two.
  it('leaves the older keys of two kinds of positions as they are', async () => {
    const config = {
      model_type: 'gemma3_text',
      rope_theta: 1e6,
      rope_local_base_freq: 1e4,
      rope_scaling: { factor: 8 },
    }
    expect((await read(config)).values).toEqual(config)
  })

  it('refuses a number of labels that nobody has', async () => {
    for (const num_labels of [1e9, -1])
      await expect(read({ model_type: 'bert', num_labels })).rejects.toMatchObject({ code: 'model.config' })
  })

  it('reads labels by name, by number, or finds none', async () => {
    const named = await read({ model_type: 'bert', id2label: { '1': 'yes', '0': 'no' } })
    expect([named.labels, named.values.num_labels]).toEqual([['no', 'yes'], 2])
    const counted = await read({ model_type: 'bert', num_labels: 3 })
    expect(counted.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2'])
    // transformers 5.18: RobertaConfig(num_labels=3, id2label={0: 'no', 1: 'yes'}).id2label.
    const both = await read({ model_type: 'bert', num_labels: 3, id2label: { '0': 'no', '1': 'yes' } })
    expect([both.labels, both.values.num_labels]).toEqual([['LABEL_0', 'LABEL_1', 'LABEL_2'], 3])
    expect((await read({ model_type: 'bert' })).labels).toBeNull()
    await expect(read({ model_type: 'bert', id2label: { '1': 'a' } })).rejects.toMatchObject({ code: 'model.config' })
  })

  it('refuses code of the repository unless the type needs none', async () => {
    const config = { model_type: 'mine', auto_map: { AutoModel: 'modeling_mine.Mine' } }
    await expect(read(config)).rejects.toMatchObject({
      code: 'model.code',
      details: { modelType: 'mine', autoMap: ['AutoModel'] },
    })
    await expect(read({ ...config, model_type: 'chatglm' }, ['llama', 'glm'])).rejects.toMatchObject({
      code: 'model.code',
      details: { modelType: 'chatglm', nearest: 'glm' },
      message: expect.stringContaining('never run'),
    })
    expect((await read({ ...config, model_type: 'llama' }, ['llama'])).modelType).toBe('llama')
  })

  it('names key and file of what is wrong', async () => {
    await expect(read({})).rejects.toMatchObject({
      code: 'model.config',
      details: { key: 'model_type', file: 'a map of blobs/config.json' },
    })
    await expect(read({ model_type: 1 })).rejects.toMatchObject({
      code: 'model.config',
      details: { key: 'model_type', value: 1 },
    })
    await expect(read([])).rejects.toMatchObject({ code: 'model.config' })
    await expect(read('{"a":1,"a":2}')).rejects.toMatchObject({ code: 'file.json' })
    await expect(readModelConfig(filesOf({}))).rejects.toMatchObject({ code: 'file.missing' })
    const { read: values } = await read({ model_type: 'x', n: 1.5, t: true, s: ['a', 1], o: {}, z: null })
    expect(() => values.integer('n')).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => values.integer('absent')).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => values.texts('s')).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => values.object('s')).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => values.integer('constructor')).toThrow(
      expect.objectContaining({ what: expect.stringContaining('missing') }),
    )
    expect([values.number('n'), values.boolean('t'), values.integer('z', 7), values.text('q', 'd')]).toEqual([
      1.5,
      true,
      7,
      'd',
    ])
  })

  const fixtures = process.env.ESPALIER_FIXTURES
  if (fixtures === undefined) console.log('ESPALIER_FIXTURES is not set: configurations of real models were not read')
  it.runIf(fixtures !== undefined)('reads every configuration of the fixtures (needs ESPALIER_FIXTURES)', async () => {
    const names = readdirSync(fixtures!, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(^|\/)config\.json$/.test(name),
    )
    for (const name of names)
      expect((await readModelConfig(folderFiles(join(fixtures!, name, '..')))).modelType).not.toBe('')
    const [old, now] = await Promise.all(
      ['base/llama-config-v4/llama3-rope', 'base/llama3-rope'].map((name) =>
        readModelConfig(folderFiles(join(fixtures!, name))),
      ),
    )
    expect(old?.values.rope_parameters).toEqual(now?.values.rope_parameters)
  })
})

describe('readGenerationConfig', () => {
  it('reads the file, or takes what config.json says', async () => {
    const config = await read({ model_type: 'llama', eos_token_id: [1, 2], pad_token_id: null, vocab_size: 3 })
    expect(await readGenerationConfig(filesOf({ 'generation_config.json': { eos_token_id: 5 } }), config)).toEqual({
      eos_token_id: 5,
    })
    expect(await readGenerationConfig(filesOf({}), config)).toEqual({ eos_token_id: [1, 2] })
    const old = {
      model_type: 'bart',
      num_beams: 4,
      min_length: null,
      force_bos_token_to_be_generated: true,
      bos_token_id: 7,
    }
    expect(await readGenerationConfig(filesOf({}), await readModelConfig(filesOf({ 'config.json': old })))).toEqual({
      num_beams: 4,
      bos_token_id: 7,
      forced_bos_token_id: 7,
    })
    await expect(readGenerationConfig(filesOf({ 'generation_config.json': [] }))).rejects.toMatchObject({
      code: 'model.config',
    })
  })
})
