/** Every 16-bit float there is, rounding to them, and host tensors over bytes. */
import { describe, expect, it } from 'vitest'
import {
  byteSize,
  decodeBf16,
  decodeBf16Array,
  decodeF16,
  decodeF16Array,
  dtypes,
  encodeBf16,
  encodeF16,
  hostTensor,
  hostTensorFromBytes,
  toFloat32,
  toFloat64,
} from './dtype.js'

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** The value of a 16-bit float by its definition. */
function byDefinition(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >>> 15 ? -1 : 1
  const exponent = (bits >>> fractionBits) & (2 ** exponentBits - 1)
  const fraction = bits & (2 ** fractionBits - 1)
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits)
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias)
}

const formats = [
  {
    name: 'f16',
    encode: encodeF16,
    decode: decodeF16,
    decodeAll: decodeF16Array,
    exponentBits: 5,
    fractionBits: 10,
    largest: 65504,
  },
  {
    name: 'bf16',
    encode: encodeBf16,
    decode: decodeBf16,
    decodeAll: decodeBf16Array,
    exponentBits: 8,
    fractionBits: 7,
    largest: 3.3895313892515355e38,
  },
] as const

for (const { name, encode, decode, decodeAll, exponentBits, fractionBits, largest } of formats) {
  describe(name, () => {
    it('decodes all 65536 patterns as the format defines them', () => {
      const all = decodeAll(patterns)
      const wrong = Array.from(patterns).filter((bits) => {
        const want = byDefinition(bits, exponentBits, fractionBits)
        return !Object.is(decode(bits), want) || !Object.is(all[bits], want)
      })
      expect(wrong).toEqual([])
    })

    it('encodes every value that it decodes to the same bits, and NaN to a NaN', () => {
      const wrong = Array.from(patterns).filter((bits) => {
        const value = decode(bits)
        return Number.isNaN(value) ? !Number.isNaN(decode(encode(value))) : encode(value) !== bits
      })
      expect(wrong).toEqual([])
    })

    it('rounds between two neighbours to the nearest, ties to even, also when the difference is below float32', () => {
      const top = encode(largest)
      const wrong: number[] = []
      for (let bits = 0; bits < top; bits += 7) {
        const [low, high] = [decode(bits), decode(bits + 1)]
        const middle = (low + high) / 2
        const tiny = (high - low) * 2 ** -40
        const even = bits % 2 === 0 ? bits : bits + 1
        const right =
          encode(middle) === even &&
          encode(middle - tiny) === bits &&
          encode(middle + tiny) === bits + 1 &&
          encode(-middle) === (even | 0x8000) &&
          encode(-(middle + tiny)) === ((bits + 1) | 0x8000)
        if (!right) wrong.push(bits)
      }
      expect(wrong).toEqual([])
    })

    it('rounds to infinity from half a step above the largest value', () => {
      const step = largest - decode(encode(largest) - 1)
      expect(decode(encode(largest + step * 0.4999))).toBe(largest)
      expect(decode(encode(largest + step * 0.5))).toBe(Infinity)
      expect(decode(encode(-1e300))).toBe(-Infinity)
      expect(Object.is(decode(encode(-1e-300)), -0)).toBe(true)
    })
  })
}

describe('hostTensor', () => {
  it('keeps an array of the right type and converts numbers', () => {
    const data = new Float32Array([1, 2])
    expect(hostTensor('f32', [2], data).data).toBe(data)
    expect(hostTensor('f16', [2], [1, -2]).data).toEqual(new Uint16Array([0x3c00, 0xc000]))
    expect(hostTensor('i8', [2], [1, -2]).data).toEqual(new Int8Array([1, -2]))
    expect(hostTensor('f64', [], [0.1]).data[0]).toBe(0.1)
  })

  it('makes bool of numbers 0 and 1', () => {
    expect(hostTensor('bool', [4], [0, 2, 0.5, -1]).data).toEqual(new Uint8Array([0, 1, 1, 1]))
  })

  it('is zeros without data and refuses data of another size with shape.mismatch', () => {
    expect(hostTensor('u32', [2, 0]).data).toHaveLength(0)
    expect(hostTensor('i32', [3]).data).toEqual(new Int32Array(3))
    expect(() => hostTensor('f32', [2], [1])).toThrow(expect.objectContaining({ code: 'shape.mismatch' }))
  })
})

describe('hostTensorFromBytes', () => {
  it('reads every dtype from aligned and unaligned bytes, of a Node Buffer too', () => {
    for (const dtype of dtypes) {
      const want = hostTensor(dtype, [3], [1, 0, 1])
      const bytes = new Uint8Array(want.data.buffer)
      for (const offset of [0, 1, 3]) {
        const padded = Buffer.alloc(64)
        padded.set(bytes, offset)
        const part = padded.subarray(offset, offset + bytes.length)
        expect(hostTensorFromBytes(dtype, [3], part).data, `${dtype} at ${offset}`).toEqual(want.data)
        expect(hostTensorFromBytes(dtype, [3], new Uint8Array(part)).data).toEqual(want.data)
      }
    }
  })

  it('refuses bytes that do not fill the shape with shape.mismatch', () => {
    expect(() => hostTensorFromBytes('f32', [2], new Uint8Array(7))).toThrow(
      expect.objectContaining({ code: 'shape.mismatch' }),
    )
  })
})

describe('toFloat32 and toFloat64', () => {
  it('give the values of every dtype', () => {
    for (const dtype of dtypes) {
      expect(Array.from(toFloat64(hostTensor(dtype, [2], [1, 0])))).toEqual([1, 0])
      expect(Array.from(toFloat32(hostTensor(dtype, [2], [1, 0])))).toEqual([1, 0])
      expect(hostTensor(dtype, [1]).data.BYTES_PER_ELEMENT).toBe(byteSize(dtype))
    }
  })

  it('share an f32 array and copy others', () => {
    const f32 = hostTensor('f32', [1], [1])
    expect(toFloat32(f32)).toBe(f32.data)
    const f64 = hostTensor('f64', [1], [1])
    expect(toFloat64(f64)).not.toBe(f64.data)
  })
})
