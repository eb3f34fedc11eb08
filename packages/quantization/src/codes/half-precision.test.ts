import { decodeF16, encodeF16, Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { roundedToHalf } from './half-precision.js'

describe('roundedToHalf', () => {
  it('gives what encoding and decoding a half gives, over all magnitudes and half way between halves', () => {
    const random = new Random(1)
    const anywhere = Float32Array.from(random.uniform(20_000, 1), (x, i) => x * 2 ** ((i % 60) - 35))
    const halfWay = Float32Array.from({ length: 0x7c00 }, (_, bits) => (decodeF16(bits) + decodeF16(bits + 1)) / 2)
    const edges = Float32Array.of(
      0,
      -0,
      65504,
      65519,
      65520,
      -65520,
      Infinity,
      -Infinity,
      NaN,
      2 ** -24,
      2 ** -25,
      -(2 ** -26),
    )
    for (const values of [anywhere, halfWay, edges]) {
      const got = roundedToHalf(values)
      expect(got.map(Math.abs)).toEqual(values.map((x) => Math.abs(decodeF16(encodeF16(x)))))
      expect(got.map((x) => (x < 0 ? -1 : 1))).toEqual(values.map((x) => (decodeF16(encodeF16(x)) < 0 ? -1 : 1)))
    }
  })

  it('leaves its argument alone', () => {
    const values = Float32Array.of(0.1)
    roundedToHalf(values)
    expect(values).toEqual(Float32Array.of(0.1))
  })
})
