import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { readModelConfig } from '../hf-config/model-config.js'
import { openWeights } from '../safetensors/sharded.js'
import { blobFiles } from './blob-files.js'
import { readJson } from './model-files.js'
import { openSource } from './open-source.js'

const folder = mkdtempSync(join(tmpdir(), 'espalier-gguf-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GGUF = 'GGUF\x03\0\0\0\0\0\0\0\0\0\0\0'
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const filesOf = (names: Readonly<Record<string, string>>) =>
  blobFiles(new Map(Object.entries(names).map(([name, text]) => [name, new Blob([text])])))

describe('a GGUF file', () => {
  it('is refused as the source of a model, by its name or its first bytes', async () => {
    for (const path of [file('model-Q4_K_M.gguf', 'x'), file('model.bin', GGUF)])
      await expect(openSource(path)).rejects.toMatchObject({
        code: 'model.gguf',
        fix: expect.stringContaining('@espalier/gguf') as string,
      })
  })

  it('is refused where a folder holds nothing else, with config.json or without', async () => {
    const refused = { code: 'model.gguf', details: { files: ['m.gguf'] } }
    await expect(readModelConfig(filesOf({ 'm.gguf': GGUF }))).rejects.toMatchObject(refused)
    await expect(openWeights(filesOf({ 'm.gguf': GGUF, 'config.json': '{}' }))).rejects.toMatchObject(refused)
    const both = filesOf({ 'm.gguf': GGUF, 'other.safetensors': '' })
    await expect(readModelConfig(both)).rejects.toMatchObject({ code: 'file.missing' })
  })

  it('is refused under the name of another', async () => {
    const weights = openWeights(filesOf({ 'model.safetensors': GGUF }))
    await expect(weights).rejects.toMatchObject({ code: 'safetensors.header', what: expect.stringContaining('GGUF') })
  })
})

describe('a compressed file', () => {
  it('is told from a damaged one', async () => {
    const packed = new Blob([new Uint8Array(gzipSync('{}'))])
    const files = blobFiles(new Map([['config.json', packed], ['model.safetensors', packed]])) // biome-ignore format: two files
    await expect(readJson(files, 'config.json')).rejects.toThrow('a file is gzip and not text')
    await expect(openWeights(files)).rejects.toThrow('a file is gzip and no safetensors file')
    await expect(openSource(file('model.tar.gz', gzipSync('x')))).rejects.toThrow('Unpack it, and give the folder')
    await expect(openSource(file('model.safetensors', 'x'))).rejects.toThrow('Give the folder that holds it')
  })
})
