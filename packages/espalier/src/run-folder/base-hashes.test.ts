import { blobFiles } from '@espalier/serialization'
import { expect, it } from 'vitest'
import { baseHashes } from './base-hashes.js'

it('knows a base by its weights, and reads no other file of its folder', async () => {
  const weights = new Blob([new Uint8Array(64)])
  const index = JSON.stringify({ weight_map: { w: 'model-00001-of-00001.safetensors' } })
  const files = blobFiles(
    new Map([
      ['config.json', new Blob(['{}'])],
      ['model-00001-of-00001.safetensors', weights],
      ['model.safetensors.index.json', new Blob([index])],
      ['notes.safetensors', new Blob([])],
    ]),
  )
  expect(Object.keys(await baseHashes(files)).sort()).toEqual([
    'config.json',
    'model-00001-of-00001.safetensors (size, header, end)',
  ])
})
