import { describe, expect, it } from 'vitest'
import { toFloat32, toInt32, widenBf16, widenF16 } from './widen.js'

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

describe('widen', () => {
  it('gives the exact value of every float16', () => {
    const wide = widenF16(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i))
    for (let half = 0; half < 2 ** 16; half++) {
      const sign = half & 0x8000 ? -1 : 1
      const exponent = (half >> 10) & 31
      const fraction = half & 1023
      const want =
        exponent === 31
          ? fraction > 0
            ? Number.NaN
            : sign * Number.POSITIVE_INFINITY
          : exponent === 0
            ? sign * fraction * 2 ** -24
            : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
      if (!Object.is(wide[half], want)) throw new Error(`float16 ${half.toString(16)}: ${wide[half]} and not ${want}`)
    }
  })

  it('shifts bfloat16 into place', () => {
    expect([...widenBf16(Uint16Array.of(0x3f80, 0xc000, 0x7f80))]).toEqual([1, -2, Number.POSITIVE_INFINITY])
  })

  it('reads bytes that lie at an odd place of their buffer', () => {
    const odd = new Uint8Array(9)
    odd.set(bytesOf(Float32Array.of(1.5, -2)), 1)
    expect([...toFloat32('F32', odd.subarray(1))]).toEqual([1.5, -2])
    expect([...toFloat32('F64', bytesOf(Float64Array.of(0.5)))]).toEqual([0.5])
  })

  it('narrows 64-bit integers that fit and refuses those that do not', () => {
    expect([...toInt32('I64', bytesOf(BigInt64Array.of(-100n, 2147483647n)))]).toEqual([-100, 2147483647])
    expect(() => toInt32('I64', bytesOf(BigInt64Array.of(2147483648n)))).toThrow(
      expect.objectContaining({ code: 'safetensors.range' }),
    )
    expect(() => toInt32('U32', bytesOf(Uint32Array.of(4294967295)))).toThrow(
      expect.objectContaining({ code: 'safetensors.range' }),
    )
    expect([...toInt32('I8', bytesOf(Int8Array.of(-3)))]).toEqual([-3])
    expect([...toInt32('BOOL', Uint8Array.of(1, 0))]).toEqual([1, 0])
  })

  it('refuses floats as integers and integers as floats', () => {
    expect(() => toInt32('F32', new Uint8Array(4))).toThrow(expect.objectContaining({ code: 'safetensors.dtype' }))
    expect(() => toFloat32('I64', new Uint8Array(8))).toThrow(expect.objectContaining({ code: 'safetensors.dtype' }))
  })
})
