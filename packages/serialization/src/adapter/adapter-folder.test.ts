import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blobFiles } from '../files/blob-files.js'
import { memoryFolder, textContent } from '../files/output-folder.js'
import { folderFiles } from '../node/folder-files.js'
import { readAdapter, readAdapterConfig } from './read-adapter.js'
import { writeAdapter } from './write-adapter.js'

const config = {
  peft_type: 'LORA',
  task_type: 'CAUSAL_LM',
  base_model_name_or_path: 'me/base',
  peft_version: '0.21.0',
  lora_dropout: 0,
  r: 8,
}
const tensor = (name: string) => ({
  name,
  dtype: 'F32' as const,
  shape: [1],
  bytes: () => new Uint8Array(Float32Array.of(2).buffer),
})
const blobs = (files: Record<string, string>) =>
  blobFiles(new Map(Object.entries(files).map(([name, text]) => [name, new Blob([text])])))

describe('writeAdapter', () => {
  it('writes the default adapter to the folder and others below it, with one card', async () => {
    const memory = memoryFolder()
    const floatKeys = ['lora_dropout']
    await writeAdapter(memory, { name: 'default', config, floatKeys, tensors: [tensor('model.q.lora_A.weight')] })
    await writeAdapter(memory, { name: 'b', config, tensors: [tensor('model.q.lora_A.weight')] })
    expect([...memory.toFiles().keys()].sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'b/adapter_config.json',
      'b/adapter_model.safetensors',
    ])
    expect(await memory.readText('adapter_config.json')).toMatch(/"lora_dropout": 0\.0,\n.*"r": 8/s)
    const files = blobFiles(memory.toFiles())
    for (const folder of [files, files.folder('b')]) {
      const adapter = await readAdapter(folder)
      expect(adapter.peftType).toBe('LORA')
      expect([...adapter.tensors.keys()]).toEqual(['model.q.lora_A.weight'])
      expect(adapter.tensors.get('model.q.lora_A.weight')?.name).toBe('base_model.model.model.q.lora_A.weight')
    }
  })

  it('leaves the card of a model in whose folder it is written, and brings an adapter’s up to date', async () => {
    const memory = memoryFolder()
    const write = () => writeAdapter(memory, { name: 'default', config, tensors: [tensor('x')] })
    await memory.write('README.md', textContent('---\nlibrary_name: transformers\n---\n# The base\n'))
    await write()
    expect(await memory.readText('README.md')).toContain('library_name: peft')
    await memory.write('config.json', textContent('{}'))
    await write()
    expect(await memory.readText('README.md')).toContain('library_name: peft') // ours, though a model lies beside it
    const card = '---\nlibrary_name: transformers\n---\n# The base\n'
    await memory.write('README.md', textContent(card))
    await write()
    expect(await memory.readText('README.md')).toBe(card)
  })

  it('writes the configuration last and only when the rest is written', async () => {
    const memory = memoryFolder()
    const order: string[] = []
    const watched = {
      ...memory,
      async write(...all: Parameters<typeof memory.write>) {
        order.push(all[0])
        await memory.write(...all)
      },
    }
    await writeAdapter(watched, { name: 'default', config, tensors: [tensor('x')] })
    expect(order).toEqual(['adapter_model.safetensors', 'README.md', 'adapter_config.json'])
    const broken = { ...tensor('x'), bytes: () => new Uint8Array(1) }
    const second = memoryFolder()
    await expect(writeAdapter(second, { name: 'default', config, tensors: [broken] })).rejects.toMatchObject({
      code: 'safetensors.shape',
    })
    expect(second.toFiles().size).toBe(0)
  })
})

describe('readAdapter', () => {
  it('says what is wrong with a configuration', async () => {
    const read = (text: string) => readAdapterConfig(blobs({ 'adapter_config.json': text }))
    await expect(read('{"r":8}')).rejects.toMatchObject({ code: 'adapter.config', details: { keys: ['r'] } })
    await expect(read('[]')).rejects.toMatchObject({ code: 'adapter.config' })
    await expect(read('{')).rejects.toMatchObject({ code: 'file.json' })
    await expect(read('{"fine_tune_type":"lora"}')).rejects.toMatchObject({
      code: 'adapter.config',
      what: expect.stringContaining('mlx'),
    })
    await expect(readAdapterConfig(blobs({}))).rejects.toMatchObject({ code: 'file.missing' })
    expect((await read('{"peft_type":"lora"}')).peftType).toBe('LORA')
  })

  it('refuses a pickle and one tensor under two names', async () => {
    const text = JSON.stringify(config)
    await expect(readAdapter(blobs({ 'adapter_config.json': text, 'adapter_model.bin': 'x' }))).rejects.toMatchObject({
      code: 'model.pickle',
    })
    const memory = memoryFolder()
    await writeAdapter(memory, { name: 'default', config, tensors: [tensor('q.weight')] })
    const { writeSafetensors } = await import('../safetensors/writer.js')
    await writeSafetensors(memory, 'adapter_model.safetensors', [
      tensor('q.weight'),
      tensor('base_model.model.q.weight'),
    ])
    await expect(readAdapter(blobFiles(memory.toFiles()))).rejects.toMatchObject({ code: 'adapter.key' })
  })

  const fixtures = process.env.ESPALIER_FIXTURES
  if (fixtures === undefined)
    console.log('ESPALIER_FIXTURES is not set: adapters that PEFT wrote were not read and written again')
  it.runIf(fixtures !== undefined)(
    'writes adapters of the fixtures again, byte for byte (needs ESPALIER_FIXTURES)',
    async () => {
      const folder = join(fixtures!, 'lora', 'llama')
      for (const name of readdirSync(folder)) {
        const source = join(folder, name, 'adapter')
        const adapter = await readAdapter(folderFiles(source))
        const memory = memoryFolder()
        const tensors = [...adapter.tensors].map(([key, located]) => ({
          ...located,
          name: key,
          bytes: () => located.read(),
        }))
        const floatKeys = ['lora_dropout']
        await writeAdapter(memory, { name: 'default', config: adapter.values, floatKeys, tensors })
        for (const file of ['adapter_config.json', 'adapter_model.safetensors']) {
          const written = Buffer.from(await memory.toFiles().get(file)!.arrayBuffer())
          expect(written.equals(readFileSync(join(source, file))), `${name}/${file}`).toBe(true)
        }
      }
    },
  )
})
