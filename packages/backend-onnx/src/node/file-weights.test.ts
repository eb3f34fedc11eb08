/** Weights in files: mapped where they lie, widened through the cache, found through symlinks and in several folders, above 2 GB. */

import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  add,
  type Backend,
  encodeBf16,
  encodeF16,
  type HostTensor,
  hostTensor,
  input,
  type ParameterSource,
  type Program,
  slice,
} from '@espalier/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type OnnxOptions, onnx } from '../index.js'

let folder: string
let backend: Backend | undefined

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'espalier-weights-')))
})
afterEach(async () => {
  await backend?.close()
  backend = undefined
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const start = (options: OnnxOptions = {}) => {
  backend = onnx({ threads: 1, weightCache: { folder: join(folder, 'cache') }, residentBytes: 0, ...options })
  return backend
}

/** A source over a range of a file, as serialization makes them. */
function ranged(
  path: string,
  dtype: ParameterSource['dtype'],
  shape: readonly number[],
  offset: number,
): ParameterSource {
  const size = shape.reduce((a, b) => a * b, 1) * (dtype === 'f32' ? 4 : 2)
  return {
    dtype,
    shape,
    file: { path, offset, byteLength: size },
    read: () => Promise.reject(new Error('the file was read instead of mapped')),
  }
}

async function sumOf(own: Backend, sources: Readonly<Record<string, ParameterSource>>): Promise<HostTensor> {
  const weights = await own.loadWeights(
    new Map(Object.entries(sources).map(([name, source]) => [name, { source, dtype: 'f32' as const }])),
  )
  const inputs = Object.entries(sources).map(([name, { shape }]) => input('weight', name, 'f32', shape))
  const program: Program = { name: 'sum', outputs: { y: inputs.reduce((a, b) => add(a, b)) } }
  const { y } = await (await own.compile(program, { weights })).run({})
  return y as HostTensor
}

const bytesOf = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer)

describe('file weights', () => {
  it('maps f32 where it lies: in two folders, at odd offsets, behind the symlink of a hub cache', async () => {
    const [blobs, other] = [join(folder, 'blobs'), join(folder, 'shards', 'two')]
    await mkdir(blobs, { recursive: true })
    await mkdir(other, { recursive: true })
    await writeFile(join(blobs, 'abc'), Buffer.concat([Buffer.from('xyz'), bytesOf(1, 2)]))
    await writeFile(join(other, 'b.safetensors'), bytesOf(10, 20))
    await symlink('blobs/abc', join(folder, 'model.safetensors'))
    const a = ranged(await realpath(join(folder, 'model.safetensors')), 'f32', [2], 3)
    const y = await sumOf(start(), { a, b: ranged(join(other, 'b.safetensors'), 'f32', [2], 0) })
    expect(Array.from(y.data)).toEqual([11, 22])
    expect(await readdir(join(folder, 'cache')).catch(() => [])).toEqual([])
  })

  it('widens 16-bit weights once into the cache, and into none when it is off', async () => {
    const path = join(folder, 'half.safetensors')
    await writeFile(
      path,
      new Uint8Array(Uint16Array.from([encodeBf16(1.5), encodeBf16(-3), encodeF16(0.25), encodeF16(6e-8)]).buffer),
    )
    const sources = { a: ranged(path, 'bf16', [2], 0), b: ranged(path, 'f16', [2], 4) }
    const seen: number[] = []
    const own = start()
    await own.loadWeights(
      new Map(Object.entries(sources).map(([name, source]) => [name, { source, dtype: 'f32' as const }])),
      { onProgress: (done) => seen.push(done) },
    )
    expect(seen.at(-1)).toBe(8)
    const want = [1.75, -3 + 2 ** -24]
    expect(Array.from((await sumOf(own, { ...sources })).data)).toEqual(want.map(Math.fround))
    const [name = ''] = await readdir(join(folder, 'cache'))
    const first = await stat(join(folder, 'cache', name))
    await own.close()
    expect(
      Array.from((await sumOf(start(), { a: ranged(path, 'bf16', [2], 0), b: ranged(path, 'f16', [2], 4) })).data),
    ).toEqual(want.map(Math.fround))
    expect((await stat(join(folder, 'cache', name))).ino).toBe(first.ino)
    await backend?.close()
    await rm(join(folder, 'cache'), { recursive: true })
    expect(Array.from((await sumOf(start({ weightCache: false }), sources)).data)).toEqual(want.map(Math.fround))
    expect(await stat(join(folder, 'cache')).catch(() => undefined)).toBeUndefined()
  })

  it('makes a new copy when the file changes, and evicts the least recently used above the limit', async () => {
    const path = join(folder, 'changing')
    const load = async (value: number) => {
      await writeFile(path, new Uint8Array(Uint16Array.from([encodeBf16(value)]).buffer))
      const own = start({ weightCache: { folder: join(folder, 'small'), maxBytes: 8 } })
      const y = await sumOf(own, { a: ranged(path, 'bf16', [1], 0) })
      for (const name of await readdir(join(folder, 'small'))) await utimes(join(folder, 'small', name), value, value)
      await own.close()
      return y.data[0]
    }
    expect([await load(1), await load(2), await load(3)]).toEqual([1, 2, 3])
    expect(await readdir(join(folder, 'small'))).toHaveLength(2)
  })

  it('refuses a truncated file and a cache folder that cannot be made, and leaves nothing behind', async () => {
    const path = join(folder, 'short')
    await writeFile(path, new Uint8Array(6))
    const own = start()
    const request = (source: ParameterSource) => own.loadWeights(new Map([['a', { source, dtype: 'f32' as const }]]))
    await expect(request(ranged(path, 'bf16', [4], 0))).rejects.toMatchObject({ code: 'file.read' })
    expect(await readdir(join(folder, 'cache'))).toEqual([])
    await own.close()
    const blocked = start({ weightCache: { folder: join(path, 'below-a-file') } })
    await expect(
      blocked.loadWeights(new Map([['a', { source: ranged(path, 'bf16', [3], 0), dtype: 'f32' as const }]])),
    ).rejects.toMatchObject({ code: 'file.write' })
  })

  it('maps files above 2 GB: nothing of them becomes memory of the process', async () => {
    const path = join(folder, 'sparse')
    const offset = 3 * 2 ** 30
    const file = await open(path, 'w')
    await file.write(bytesOf(5, 6), 0, 8, offset)
    await file.truncate(offset + 2 ** 28)
    await file.close()
    const own = start()
    const before = anonymousBytes()
    const y = await sumOf(own, { a: ranged(path, 'f32', [2], offset), b: ranged(path, 'f32', [2], 2 ** 31 + 8) })
    expect(Array.from(y.data)).toEqual([5, 6])
    const large = ranged(path, 'f32', [2 ** 26], offset)
    const weights = await own.loadWeights(new Map([['a', { source: large, dtype: 'f32' as const }]]))
    expect(weights.byteLength).toBe(2 ** 28)
    const x = input('weight', 'a', 'f32', [2 ** 26])
    await (await own.compile({ name: 'last', outputs: { y: sliceEnd(x) } }, { weights })).run({})
    if (before !== undefined) expect((anonymousBytes() as number) - before).toBeLessThan(2 ** 27) // half of the weight: a copy would show
  })
})

function sliceEnd(x: ReturnType<typeof input>) {
  return slice(x, [2 ** 26 - 4], [2 ** 26])
}

function anonymousBytes(): number | undefined {
  try {
    const found = /RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  } catch {
    return undefined // not Linux
  }
}

it('reads small weights once for all programs, and says when a file ends too early', async () => {
  const path = join(folder, 'resident')
  await writeFile(path, bytesOf(1, 2, 3))
  const own = start({ residentBytes: 100 })
  expect(
    Array.from((await sumOf(own, { a: ranged(path, 'f32', [2], 0), b: ranged(path, 'f32', [2], 4) })).data),
  ).toEqual([3, 5])
  await rm(path)
  // They are read while programs are built: the first one tells.
  await expect(sumOf(own, { a: ranged(path, 'f32', [2], 8) })).rejects.toMatchObject({ code: 'file.read' })
  await writeFile(path, bytesOf(1))
  const source = ranged(path, 'f32', [2], 0)
  await expect(sumOf(own, { a: source })).rejects.toMatchObject({ code: 'file.read' })
  await writeFile(path, bytesOf(4, 5))
  expect(Array.from((await sumOf(own, { a: source })).data)).toEqual([4, 5])
})

it('reads again what could not be read, for who compiles again with the same weights', async () => {
  const path = join(folder, 'comes-late')
  await writeFile(path, bytesOf(1, 2))
  const own = start({ residentBytes: 100 })
  const source = ranged(path, 'f32', [2], 0)
  await rm(path)
  const weights = await own.loadWeights(new Map([['a', { source, dtype: 'f32' as const }]]))
  const program: Program = { name: 'a', outputs: { y: add(input('weight', 'a', 'f32', [2]), 1) } }
  await expect(own.compile(program, { weights })).rejects.toMatchObject({ code: 'file.read' })
  await writeFile(path, bytesOf(5, 6))
  const { y } = await (await own.compile(program, { weights })).run({})
  expect(Array.from(y?.data ?? [])).toEqual([6, 7])
})

it('reads in-memory sources and shares what was loaded before', async () => {
  const own = start()
  let reads = 0
  const source: ParameterSource = {
    dtype: 'bf16',
    shape: [1],
    read: async () => {
      reads++
      return new Uint8Array(Uint16Array.of(encodeBf16(4)).buffer)
    },
  }
  const load = () => own.loadWeights(new Map([['a', { source, dtype: 'f32' as const }]]))
  const [first, second] = [await load(), await load()]
  first.release()
  const program: Program = { name: 'one', outputs: { y: add(input('weight', 'a', 'f32', [1]), 1) } }
  const { y } = await (await own.compile(program, { weights: second })).run({})
  expect(y).toEqual(hostTensor('f32', [1], [5]))
  expect(reads).toBe(1)
})
