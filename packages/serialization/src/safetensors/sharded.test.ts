import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryFolder } from '../files/output-folder.js'
import { folderFiles } from '../node/folder-files.js'
import { openWeights } from './sharded.js'
import { writeSafetensors } from './writer.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-shards-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** The bytes of a safetensors file with one u8 tensor of one value per name. */
async function shard(values: Record<string, number>): Promise<Uint8Array> {
  const memory = memoryFolder()
  const tensors = Object.entries(values).map(([name, value]) => ({
    name,
    dtype: 'U8' as const,
    shape: [1],
    bytes: () => Uint8Array.of(value),
  }))
  await writeSafetensors(memory, 'x', tensors)
  return new Uint8Array(await memory.toFiles().get('x')!.arrayBuffer())
}

const index = (weightMap: unknown) =>
  writeFileSync(join(root, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }))

describe('openWeights', () => {
  it('joins shards that lie in different folders behind symlinks', async () => {
    for (const [folder, values] of [
      ['blobs-1', { a: 1 }],
      ['blobs-2', { b: 2 }],
    ] as const) {
      mkdirSync(join(root, folder))
      writeFileSync(join(root, folder, 'hash'), await shard(values))
    }
    mkdirSync(join(root, 'snapshot'))
    symlinkSync('../blobs-1/hash', join(root, 'snapshot', 'model-1.safetensors'))
    symlinkSync('../blobs-2/hash', join(root, 'snapshot', 'model-2.safetensors'))
    writeFileSync(
      join(root, 'snapshot', 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { b: 'model-2.safetensors', a: 'model-1.safetensors' } }),
    )
    const weights = await openWeights(folderFiles(join(root, 'snapshot')))
    expect([...(await weights.tensors.get('b')!.read())]).toEqual([2])
    expect(weights.tensors.get('a')?.from.file.realPath).toBe(realpathSync(join(root, 'blobs-1', 'hash')))
    await weights.close()
  })

  it('prefers one file to an index', async () => {
    index({ a: 'other.safetensors' })
    writeFileSync(join(root, 'model.safetensors'), await shard({ a: 5 }))
    expect([...(await (await openWeights(folderFiles(root))).tensors.get('a')!.read())]).toEqual([5])
  })

  it('names every missing shard at once', async () => {
    writeFileSync(join(root, 'model-2.safetensors'), await shard({ b: 2 }))
    index({ a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-3.safetensors' })
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({
      code: 'safetensors.shards',
      details: { missing: ['model-1.safetensors', 'model-3.safetensors'] },
    })
  })

  it('names tensors that a shard does not have', async () => {
    writeFileSync(join(root, 'm.safetensors'), await shard({ b: 2 }))
    index({ a: 'm.safetensors', b: 'm.safetensors' })
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({ code: 'safetensors.index' })
  })

  it.each([
    ['a name that leaves the folder', { a: '../x.safetensors' }],
    ['an absolute name', { a: '/etc/x.safetensors' }],
    ['a Windows path', { a: 'C:\\x.safetensors' }],
    ['a pickle', { a: 'pytorch_model.bin' }],
    ['a number', { a: 1 }],
    ['a list', ['a']],
    ['nothing', undefined],
  ])('refuses an index with %s', async (_, weightMap) => {
    index(weightMap)
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({ code: 'safetensors.index' })
  })

  it('takes every tensor of its shards, and refuses one that two hold with different values', async () => {
    writeFileSync(join(root, 'one.safetensors'), await shard({ a: 1, both: 3, unnamed: 4 }))
    writeFileSync(join(root, 'two.safetensors'), await shard({ b: 2, both: 3 }))
    index({ a: 'one.safetensors', both: 'one.safetensors', b: 'two.safetensors' })
    const weights = await openWeights(folderFiles(root))
    expect([...weights.tensors.keys()].sort()).toEqual(['a', 'b', 'both', 'unnamed'])
    await weights.close()
    writeFileSync(join(root, 'two.safetensors'), await shard({ b: 2, both: 5 }))
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({
      code: 'safetensors.index',
      details: { problems: ['both is in one.safetensors and, with other values, in two.safetensors'] },
    })
  })

  it('refuses pickles with what to do', async () => {
    writeFileSync(join(root, 'pytorch_model.bin'), 'x')
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({
      code: 'model.pickle',
      fix: expect.stringContaining('save_pretrained'),
    })
  })

  it('says which files there are when the weights are missing', async () => {
    writeFileSync(join(root, 'config.json'), '{}')
    await expect(openWeights(folderFiles(root))).rejects.toMatchObject({
      code: 'file.missing',
      details: { present: ['config.json'] },
    })
  })
})
