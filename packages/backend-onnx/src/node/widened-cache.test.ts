/** Writing the cache of widened weights when the disk takes less than it is given. */
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EspalierError, encodeBf16 } from '@espalier/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { widenedFile } from './widened-cache.js'

const numbers = Float32Array.from({ length: 64 }, (_, i) => i + 1)
const range = { offset: 0, byteLength: 2 * numbers.length, dtype: 'bf16' } as const

let folder: string
let source: string
let handles: FileHandle // what all file handles inherit from

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-widened-'))
  source = join(folder, 'source')
  await writeFile(source, new Uint8Array(Uint16Array.from(numbers, encodeBf16).buffer))
  const file = await open(source)
  handles = Object.getPrototypeOf(file) as FileHandle
  await file.close()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const widened = () => widenedFile(source, [range], { folder: join(folder, 'cache'), maxBytes: 2 ** 20 })

/** Lets each call write at most `most` bytes, and `room` in all. */
function limitWrites(most: number, room = Number.POSITIVE_INFINITY): void {
  const write = handles.write as (...given: unknown[]) => Promise<{ bytesWritten: number }>
  let left = room
  const limited = async function (this: FileHandle, bytes: Uint8Array, offset: number, length: number, at: number) {
    if (left === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const result = await write.call(this, bytes, offset, Math.min(length, most, left), at)
    left -= result.bytesWritten
    return result
  }
  vi.spyOn(handles, 'write').mockImplementation(limited as unknown as FileHandle['write'])
}

describe('widenedFile', () => {
  it('goes on after a write that took only a part', async () => {
    limitWrites(100)
    const { path } = await widened()
    expect(new Float32Array(new Uint8Array(await readFile(path)).buffer)).toEqual(numbers)
  })

  it('a disk that fills up in the middle of a file gives file.write, and no file that is trusted later', async () => {
    limitWrites(1000, 120)
    const error: unknown = await widened().catch((thrown: unknown) => thrown)
    expect(EspalierError.isInstance(error) && [error.code, error.details?.reason]).toEqual(['file.write', 'ENOSPC'])
    expect(await readdir(join(folder, 'cache'))).toEqual([])
  })

  it('the values are on the disk before the file has its name', async () => {
    const order: string[] = []
    const sync = handles.sync
    vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
      order.push((await readdir(join(folder, 'cache'))).map((name) => name.replace(/.*\./, '')).join())
      await sync.call(this)
    })
    await widened()
    expect(order).toEqual(['tmp'])
  })
})
