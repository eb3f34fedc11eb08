import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openFile } from '../node/folder-files.js'
import { openSafetensors } from './reader.js'

const folder = mkdtempSync(join(tmpdir(), 'espalier-reader-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('openSafetensors', () => {
  it('reads the end of a file of 5 GB by range', async () => {
    const path = join(folder, 'large.safetensors')
    const size = 5_000_000_000
    const header = new TextEncoder().encode(`{"w":{"dtype":"U8","shape":[${size}],"data_offsets":[0,${size}]}}`)
    const handle = openSync(path, 'w')
    // A sparse file: only what is written takes space.
    ftruncateSync(handle, 8 + header.byteLength + size)
    const length = new Uint8Array(8)
    new DataView(length.buffer).setBigUint64(0, BigInt(header.byteLength), true)
    writeSync(handle, length, 0, 8, 0)
    writeSync(handle, header, 0, header.byteLength, 8)
    writeSync(handle, Uint8Array.of(1, 2, 3), 0, 3, 8 + header.byteLength + size - 3)
    closeSync(handle)
    const file = await openSafetensors(await openFile('large', path))
    expect([...(await file.readRange('w', size - 4, size))]).toEqual([0, 1, 2, 3])
    expect(file.file.realPath).toMatch(/large\.safetensors$/)
  })

  it('refuses unknown tensors and ranges outside of one', async () => {
    const path = join(folder, 'large.safetensors')
    const file = await openSafetensors(await openFile('large', path))
    await expect(file.read('v')).rejects.toMatchObject({ code: 'safetensors.tensor', details: { tensors: ['w'] } })
    for (const [start, end] of [
      [-1, 2],
      [3, 2],
      [0, 5_000_000_001],
      [Number.NaN, 1],
    ] as const)
      await expect(file.readRange('w', start, end)).rejects.toMatchObject({ code: 'safetensors.range' })
  })
})
