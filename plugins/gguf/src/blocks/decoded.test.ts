/** Blocks of every type decode to the floats of llama.cpp's own Python package, which made the fixture. */
import { readFileSync } from 'node:fs'
import { hostTensorFromBytes, Parameter, type ParameterSource, reference, toFloat32 } from '@espalier/core'
import { blobFiles } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { PackedWeight } from '../weights/packed-weight.js'
import { storedTensors } from '../weights/stored-tensor.js'
import { type PackedType, partsOf } from '../weights/weight-parts.js'
import { packedTypes } from './block-type.js'

const golden = JSON.parse(readFileSync(new URL('./__fixtures__/decoded.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, { readonly bytes: string; readonly floats: string }>
>
const SHAPE = [2, 256] as const
const DTYPES = { U8: 'u8', I8: 'i8', F16: 'f16', F32: 'f32', BF16: 'bf16' } as const

/** A weight over the parts of a file that holds nothing but its blocks. */
async function weightOf(type: PackedType, bytes: Uint8Array<ArrayBuffer>, rows?: readonly number[]) {
  const file = await blobFiles(new Map([['x', new Blob([bytes])]])).open('x')
  const tensor = { name: 'x', shape: SHAPE, type, offset: 0, byteLength: bytes.byteLength }
  const stored = new Map(
    storedTensors(tensor, { name: 'x.weight', ...(rows && { rows }) }).map((one) => [one.name, one]),
  )
  const parts = Object.entries(partsOf(type)).map(([role, { name }]) => {
    const { dtype, shape, byteLength, read } = stored.get(`x.${name}`) as NonNullable<ReturnType<typeof stored.get>>
    const source: ParameterSource = { dtype: DTYPES[dtype], shape, read: () => read(file, 0, byteLength) }
    return [role, new Parameter(name, source.dtype === 'f16' ? 'f32' : source.dtype, shape, source)] as const
  })
  return { weight: new PackedWeight('f32', SHAPE, type, Object.fromEntries(parts) as never), stored, file }
}

async function floatsOf(weight: PackedWeight): Promise<Float32Array> {
  const backend = reference()
  const sources = weight.parameters.map(({ path, source, dtype }) => [path, { source, dtype }] as const)
  const weights = await backend.loadWeights(new Map(sources))
  const program = await backend.compile({ name: 'decode', outputs: { y: weight.value() } }, { weights })
  const { y } = await program.run({})
  await backend.close()
  return toFloat32(y as NonNullable<typeof y>)
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

describe('blocks', () => {
  it.each([...packedTypes])('%s decode to the bits of the floats there', async (name, type) => {
    const { bytes, floats } = golden[name] as (typeof golden)[string]
    const want = toFloat32(hostTensorFromBytes('f32', SHAPE, bytesOf(floats)))
    const { weight } = await weightOf(type, bytesOf(bytes))
    const got = await floatsOf(weight)
    expect(new Set(want).size).toBeGreaterThan(20)
    expect([...got].map((x) => x + 0)).toEqual([...want].map((x) => x + 0)) // -0 is 0
  })

  it('come in the rows of the model, and any part of their bytes can be read', async () => {
    const type = packedTypes.get('Q4_K') as PackedType
    const { bytes } = golden.Q4_K as (typeof golden)[string]
    const [plain, turned] = [await weightOf(type, bytesOf(bytes)), await weightOf(type, bytesOf(bytes), [1, 0])]
    const [floats, other] = [await floatsOf(plain.weight), await floatsOf(turned.weight)]
    expect(other).toEqual(Float32Array.of(...floats.subarray(256), ...floats.subarray(0, 256)))
    for (const { byteLength, read } of turned.stored.values()) {
      const whole = await read(turned.file, 0, byteLength)
      for (const [start, end] of [[0, 1], [1, byteLength - 1], [byteLength - 1, byteLength], [3, 3]] as const) // biome-ignore format: ranges
        expect(await read(turned.file, start, end)).toEqual(whole.slice(start, end))
    }
  })
})
