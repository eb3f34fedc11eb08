import { blobFiles, memoryFolder, type TensorToWrite, writeSafetensors } from '@espalier/serialization'
import { expect, it } from 'vitest'
import { baseHashes } from './base-hashes.js'

const SHARD = 'model-00001-of-00001.safetensors'
const SIZES = [1, 0, 1000, 300_000, 500_000] // floats of the tensors

/** A base of one file of weights, and where its tensors begin and end there. */
async function base() {
  const folder = memoryFolder()
  const tensors = SIZES.map((size, i): TensorToWrite => {
    const bytes = new Uint8Array(new Float32Array(size).map((_, at) => Math.sin(i + at)).buffer)
    return { name: `w${i}`, dtype: 'F32', shape: [size], bytes: () => bytes }
  })
  await writeSafetensors(folder, SHARD, tensors)
  const weights = new Uint8Array(await (folder.toFiles().get(SHARD) as Blob).arrayBuffer())
  let end = weights.byteLength - SIZES.reduce((sum, size) => sum + size * 4, 0)
  const places = SIZES.map((size) => {
    const start = end
    end += size * 4
    return { start, end }
  })
  return { weights, places }
}

function hashes(weights: Uint8Array): Promise<Readonly<Record<string, string>>> {
  const index = JSON.stringify({ weight_map: { w0: SHARD } })
  return baseHashes(
    blobFiles(
      new Map([
        ['config.json', new Blob(['{}'])],
        [SHARD, new Blob([new Uint8Array(weights)])],
        ['model.safetensors.index.json', new Blob([index])],
        ['notes.safetensors', new Blob([])],
      ]),
    ),
  )
}

it('knows a base by its weights, and reads no other file of its folder', async () => {
  const { weights } = await base()
  expect(Object.keys(await hashes(weights)).sort()).toEqual([
    'config.json',
    `${SHARD} (size, header, 4 KiB of each tensor)`,
  ])
})

it('tells other values at the start, in the middle and at the end of any tensor', async () => {
  const { weights, places } = await base()
  const before = await hashes(weights)
  expect(await hashes(weights)).toEqual(before)
  for (const { start, end } of places.filter((place) => place.start < place.end)) {
    for (const at of [start, start + Math.floor((end - start) / 8) * 4, end - 4]) {
      const changed = weights.slice()
      changed[at] = (changed[at] as number) ^ 1
      expect(await hashes(changed), `byte ${at}`).not.toEqual(before)
    }
  }
})
