import { EspalierError } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { blobFile } from '../files/blob-files.js'
import { openSafetensors } from './reader.js'

/** A file of raw header text and data, with a true or a given length field. */
function raw(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + json.byteLength + data.byteLength)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.byteLength), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.byteLength)
  return bytes
}

const open = (bytes: Uint8Array) =>
  openSafetensors(blobFile('x.safetensors', new Blob([bytes as Uint8Array<ArrayBuffer>])))

async function failure(bytes: Uint8Array): Promise<EspalierError> {
  const error = await open(bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!EspalierError.isInstance(error)) throw new Error(`no EspalierError but ${String(error)}`)
  return error
}

const entry = (dtype: string, shape: string, begin: number | string, end: number | string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`

describe('parseHeader', () => {
  it('reads tensors and metadata of a good file, with trailing spaces in the header', async () => {
    const file = await open(
      raw(`{"__metadata__":{"format":"pt"},"w":${entry('F32', '[2]', 0, 8)}}   `, new Uint8Array(8)),
    )
    expect([...file.metadata]).toEqual([['format', 'pt']])
    expect(file.tensors.get('w')).toMatchObject({ dtype: 'F32', shape: [2], byteLength: 8 })
    expect((await file.read('w')).byteLength).toBe(8)
  })

  it('reads a file without tensors and a tensor without values', async () => {
    expect((await open(raw('{}'))).tensors.size).toBe(0)
    const file = await open(
      raw(`{"e":${entry('F32', '[0,3]', 0, 0)},"s":${entry('F32', '[]', 0, 4)}}`, new Uint8Array(4)),
    )
    expect((await file.read('e')).byteLength).toBe(0)
    expect((await file.read('s')).byteLength).toBe(4)
  })

  it('treats __proto__ and constructor as ordinary names', async () => {
    const header = `{"__metadata__":{"__proto__":"x"},"__proto__":${entry('U8', '[1]', 0, 1)},"constructor":${entry('U8', '[1]', 1, 2)}}`
    const file = await open(raw(header, Uint8Array.of(7, 9)))
    expect([...file.tensors.keys()]).toEqual(['__proto__', 'constructor'])
    expect([...(await file.read('__proto__'))]).toEqual([7])
    expect(file.metadata.get('__proto__')).toBe('x')
    expect(({} as Record<string, unknown>).dtype).toBeUndefined()
  })

  it.each([
    ['an empty file', new Uint8Array(0), 'safetensors.truncated'],
    ['a file shorter than its length field', new Uint8Array(5), 'safetensors.truncated'],
    ['a header longer than the file', raw('{}', undefined, 1000n), 'safetensors.truncated'],
    ['a header above 100 MB', raw('{}', undefined, 100_000_001n), 'safetensors.header'],
    ['a length of all ones', raw('{}', undefined, 2n ** 64n - 1n), 'safetensors.header'],
    ['invalid JSON', raw('{"a":'), 'safetensors.header'],
    ['an empty header', raw(''), 'safetensors.header'],
    ['text after the header', raw('{} x'), 'safetensors.header'],
    ['a leading space', raw(' {}'), 'safetensors.header'],
    ['an array', raw('[]'), 'safetensors.header'],
    ['invalid UTF-8', raw(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), 'safetensors.header'],
    ['nesting without end', raw(`{"a":${'['.repeat(100_000)}`), 'safetensors.header'],
    [
      'a name that occurs twice',
      raw(`{"a":${entry('U8', '[1]', 0, 1)},"\\u0061":${entry('U8', '[1]', 1, 2)}}`, new Uint8Array(2)),
      'safetensors.header',
    ],
    ['an unknown dtype', raw(`{"a":${entry('F99', '[1]', 0, 1)}}`, new Uint8Array(1)), 'safetensors.dtype'],
    [
      'a dtype from the prototype',
      raw(`{"a":${entry('toString', '[1]', 0, 1)}}`, new Uint8Array(1)),
      'safetensors.dtype',
    ],
    ['a negative size', raw(`{"a":${entry('U8', '[-1]', 0, 1)}}`, new Uint8Array(1)), 'safetensors.shape'],
    ['a fractional size', raw(`{"a":${entry('U8', '[1.5]', 0, 1)}}`, new Uint8Array(1)), 'safetensors.shape'],
    ['a size that is text', raw(`{"a":${entry('U8', '["1"]', 0, 1)}}`, new Uint8Array(1)), 'safetensors.shape'],
    ['a huge size', raw(`{"a":${entry('U8', '[1e300]', 0, 1)}}`, new Uint8Array(1)), 'safetensors.shape'],
    ['a product that overflows', raw(`{"a":${entry('F32', '[4294967296,4294967296]', 0, 0)}}`), 'safetensors.shape'],
    [
      'a shape that does not fit its bytes',
      raw(`{"a":${entry('F32', '[2]', 0, 4)}}`, new Uint8Array(4)),
      'safetensors.shape',
    ],
    ['half a byte', raw(`{"a":${entry('F4', '[3]', 0, 2)}}`, new Uint8Array(2)), 'safetensors.shape'],
    ['offsets that run backwards', raw(`{"a":${entry('U8', '[1]', 1, 0)}}`, new Uint8Array(1)), 'safetensors.header'],
    [
      'three offsets',
      raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}', new Uint8Array(2)),
      'safetensors.header',
    ],
    [
      'a field too many',
      raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}', new Uint8Array(1)),
      'safetensors.header',
    ],
    ['a tensor that is null', raw('{"a":null}'), 'safetensors.header'],
    [
      'overlapping tensors',
      raw(`{"a":${entry('U8', '[4]', 0, 4)},"b":${entry('U8', '[4]', 2, 6)}}`, new Uint8Array(6)),
      'safetensors.overlap',
    ],
    [
      'two tensors on the same bytes',
      raw(`{"a":${entry('U8', '[4]', 0, 4)},"b":${entry('U8', '[4]', 0, 4)}}`, new Uint8Array(4)),
      'safetensors.overlap',
    ],
    [
      'a gap',
      raw(`{"a":${entry('U8', '[1]', 0, 1)},"b":${entry('U8', '[1]', 2, 3)}}`, new Uint8Array(3)),
      'safetensors.overlap',
    ],
    ['data that is missing', raw(`{"a":${entry('U8', '[4]', 0, 4)}}`, new Uint8Array(3)), 'safetensors.truncated'],
    ['data that nobody owns', raw(`{"a":${entry('U8', '[1]', 0, 1)}}`, new Uint8Array(3)), 'safetensors.header'],
    ['metadata that is not text', raw('{"__metadata__":{"a":1}}'), 'safetensors.header'],
    ['metadata that is a list', raw('{"__metadata__":[]}'), 'safetensors.header'],
  ])('refuses %s', async (_, bytes, code) => {
    const error = await failure(bytes)
    expect(error.code).toBe(code)
    expect(error.details.file).toBe('x.safetensors')
  })

  it('lists every wrong tensor at once', async () => {
    const error = await failure(
      raw(`{"a":${entry('F99', '[1]', 0, 1)},"b":${entry('U8', '[-1]', 0, 1)},"c":3}`, new Uint8Array(1)),
    )
    expect(error.details.problems).toHaveLength(3)
  })

  it('does not read more than the header when it opens a file', async () => {
    const bytes = raw(`{"a":${entry('U8', '[1000000]', 0, 1_000_000)}}`, new Uint8Array(1_000_000))
    const blob = blobFile('x', new Blob([bytes as Uint8Array<ArrayBuffer>]))
    let count = 0
    await openSafetensors({
      ...blob,
      read(start, end) {
        count += end - start
        return blob.read(start, end)
      },
    })
    expect(count).toBeLessThan(200)
  })
})
