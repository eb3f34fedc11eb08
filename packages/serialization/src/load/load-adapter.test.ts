import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdaptedModel, hostTensor, namedParameters, readSource } from '@espalier/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blobFiles } from '../files/blob-files.js'
import { memoryFolder } from '../files/output-folder.js'
import { type TensorToWrite, writeSafetensors } from '../safetensors/writer.js'
import { loadAdapter } from './load-adapter.js'
import { saveAdapter } from './save-adapter.js'
import { floats, load, modelFiles, shift } from './tiny-model.fake.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-load-'))
})
afterEach(() => rmSync(root, { recursive: true }))

describe('saveAdapter and loadAdapter', () => {
  const base = async () => load(await modelFiles(), { labels: 2 })
  const adapted = async () => {
    const model = new AdaptedModel(await base())
    const adapter = model.addAdapter('default', shift({ size: 3, modulesToSave: ['classifier'] }))
    const values = new Map([...(await adapter.values())])
    values.set('tiny.query.shift_B.weight', hostTensor('f32', [2, 2], Float32Array.of(1, 2, 3, 4)))
    adapter.setValues(values)
    return model
  }

  it('give back what was saved, also of a second adapter and in a folder on the disk', async () => {
    const model = await adapted()
    model.addAdapter('b', shift())
    await saveAdapter(model, root)
    const loaded = await loadAdapter(await base(), root, { tuners: [shift] })
    expect(loaded.warnings).toEqual([])
    expect(loaded.model.activeAdapters).toEqual(['default'])
    expect(await loaded.adapter.values()).toEqual(await model.adapter('default').values())
    const second = await loadAdapter(loaded.model, root, { tuners: [shift], adapterName: 'b', subfolder: 'b' })
    expect(second.model).toBe(loaded.model)
    expect(second.model.activeAdapters).toEqual(['default'])
  })

  it('use the keys and the configuration of PEFT', async () => {
    const memory = memoryFolder()
    await saveAdapter(await adapted(), memory)
    const { openWeights } = await import('../safetensors/sharded.js')
    const weights = await openWeights(blobFiles(memory.toFiles()), 'adapter_model')
    expect([...weights.tensors.keys()].sort()).toEqual([
      'base_model.model.classifier.bias',
      'base_model.model.classifier.weight',
      'base_model.model.tiny.query.shift_B.weight',
    ])
    expect(JSON.parse((await memory.readText('adapter_config.json'))!)).toMatchObject({
      peft_type: 'SHIFT',
      inference_mode: true,
      size: 3,
      modules_to_save: ['classifier'],
      target_modules: ['query'],
    })
  })

  it('leave the model as it was when an adapter cannot be loaded', async () => {
    const memory = memoryFolder()
    await saveAdapter(await adapted(), memory)
    const model = new AdaptedModel(await base())
    const attempt = (change: (files: Map<string, Blob>) => unknown, tuners = [shift]) => {
      const files = memory.toFiles()
      change(files)
      return loadAdapter(model, files, { tuners })
    }
    const config = (value: object) => (files: Map<string, Blob>) =>
      files.set('adapter_config.json', new Blob([JSON.stringify(value)]))
    await expect(attempt(config({ peft_type: 'FOO' }))).rejects.toMatchObject({
      code: 'plugin.unknown',
      details: { file: 'adapter_config.json', peft_type: 'FOO', known: ['SHIFT'] },
    })
    await expect(attempt(config({ peft_type: 'SHIFT', target_modules: ['nothing'] }))).rejects.toMatchObject({
      code: 'target.none',
    })
    await expect(attempt((files) => files.delete('adapter_model.safetensors'))).rejects.toMatchObject({
      code: 'file.missing',
    })
    const other = memoryFolder()
    await writeSafetensors(other, 'adapter_model.safetensors', [
      floats('base_model.model.tiny.query.shift_B.weight', [3, 2], 1),
    ])
    await expect(
      attempt((files) => files.set('adapter_model.safetensors', other.toFiles().get('adapter_model.safetensors')!)),
    ).rejects.toMatchObject({ code: 'adapter.tensors' })
    await writeSafetensors(other, 'adapter_model.safetensors', [floats('else', [3, 2], 1)])
    await expect(
      attempt((files) => files.set('adapter_model.safetensors', other.toFiles().get('adapter_model.safetensors')!)),
    ).rejects.toMatchObject({ code: 'adapter.tensors' })
    expect(model.adapterNames).toEqual([])
  })

  it('warn of unknown keys and of tensors of layers that are no targets, and refuse others and a saved module that lacks', async () => {
    const memory = memoryFolder()
    await saveAdapter(await adapted(), memory)
    const config = JSON.parse((await memory.readText('adapter_config.json'))!)
    const changed = new Blob([JSON.stringify({ ...config, enable_lora: null, runtime_config: {} })])
    const own = floats('base_model.model.tiny.query.shift_B.weight', [2, 2], 1)
    const head = [floats('classifier.weight', [2, 2], 1), floats('classifier.bias', [2], 1)]
    const loaded = async (...tensors: TensorToWrite[]) => {
      await writeSafetensors(memory, 'adapter_model.safetensors', tensors)
      return loadAdapter(await base(), memory.toFiles().set('adapter_config.json', changed), { tuners: [shift] })
    }
    const { warnings } = await loaded(own, ...head, floats('base_model.model.tiny.key.shift_B.weight', [2, 2], 1))
    expect(warnings).toHaveLength(2)
    expect(warnings.join('\n')).toMatch(/enableLora[\s\S]*no place for 1 tensor \(tiny\.key/)
    await expect(loaded(own)).rejects.toMatchObject({
      code: 'adapter.tensors',
      details: { missing: ['classifier.weight', 'classifier.bias'], present: 1 },
    })
    await expect(loaded(own, ...head, floats('more', [1], 1))).rejects.toMatchObject({
      code: 'adapter.tensors',
      details: { tensors: ['more'] },
    })
  })

  it('read names of the memory, and replace tensors of the base that the file holds, also when it is saved again', async () => {
    const model = await adapted()
    const memory = memoryFolder()
    await saveAdapter(model, memory)
    const head = [floats('classifier.weight', [2, 2], 1), floats('classifier.bias', [2], 1)]
    await writeSafetensors(memory, 'adapter_model.safetensors', [
      floats('base_model.model.tiny.query.shift_B.default.weight', [2, 2], 1),
      floats('base_model.model.tiny.query.base_layer.weight', [2, 2], 9),
      floats('base_model.model.classifier.original_module.bias', [2], 8),
      ...head,
    ])
    const before = await base()
    const { model: after, warnings } = await loadAdapter(before, memory.toFiles(), { tuners: [shift] })
    const weightAt = async (path: string) =>
      (await readSource(namedParameters(after.base.model).get(path)!.source)).data
    expect([...(await weightAt('tiny.query.weight')), ...(await weightAt('classifier.bias'))]).toEqual([
      9, 9, 9, 9, 8, 8,
    ])
    expect(warnings).toEqual([])
    expect(namedParameters(before.model).get('tiny.query.weight')).not.toBe(
      namedParameters(after.base.model).get('tiny.query.weight'),
    )
    const again = memoryFolder()
    await saveAdapter(after, again)
    const reloaded = await loadAdapter(await base(), again.toFiles(), { tuners: [shift], adapterName: 'other' })
    const { source } = namedParameters(reloaded.model.base.model).get('tiny.query.weight')!
    expect([...(await readSource(source)).data]).toEqual([9, 9, 9, 9])
    const beside = loadAdapter(model, memory.toFiles(), { tuners: [shift], adapterName: 'default2' })
    await expect(beside).rejects.toMatchObject({ code: 'adapter.tensors' })
    expect(model.adapterNames).toEqual(['default'])
  })
})
