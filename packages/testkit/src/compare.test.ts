/** Comparison names the worst element. */
import { hostTensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { EXACT, expectClose, worstDifference } from './compare.js'

const f32 = (...values: number[]) => hostTensor('f32', [values.length], values)

describe('worstDifference', () => {
  it('gives the worst element with its index, in units of what is allowed', () => {
    const got = hostTensor('f64', [2, 2, 2], [0, 1, 2, 3, 4, 5.5, 6, 7.25])
    const want = hostTensor('f64', [2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7])
    expect(worstDifference(got, want, { absolute: 0.25, relative: 0 })).toEqual({
      worst: 2,
      index: [1, 0, 1],
      got: 5.5,
      want: 5,
    })
  })

  it('is undefined for empty tensors and 0 for equal infinities and NaN', () => {
    expect(worstDifference(f32(), f32(), EXACT)).toBeUndefined()
    expect(worstDifference(f32(Infinity, NaN, -0), f32(Infinity, NaN, 0), EXACT)?.worst).toBe(0)
  })

  it('is infinite where one side alone is not finite, and for any difference when equality is demanded', () => {
    const loose = { absolute: 1, relative: 1 }
    expect(worstDifference(f32(NaN), f32(1), loose)?.worst).toBe(Infinity)
    expect(worstDifference(f32(1), f32(NaN), loose)?.worst).toBe(Infinity)
    expect(worstDifference(f32(Infinity), f32(-Infinity), loose)?.worst).toBe(Infinity)
    expect(worstDifference(f32(1, 2.0000002), f32(1, 2), EXACT)).toMatchObject({ worst: Infinity, index: [1] })
  })
})

describe('expectClose', () => {
  it('accepts what is near enough', () => {
    expect(() => expectClose(f32(1.0001), f32(1), { absolute: 0, relative: 1e-3 }, 'x')).not.toThrow()
  })

  it('names the result, the index and both values', () => {
    const attempt = () => expectClose(f32(1, 9), f32(1, 2), EXACT, 'logits')
    expect(attempt).toThrow(/name="logits".*index=\[1\], got="9", want="2"/)
  })

  it('refuses a missing result, another dtype, another shape and too few values', () => {
    expect(() => expectClose(undefined, f32(1), EXACT, 'x')).toThrow('a result is missing')
    expect(() => expectClose(hostTensor('f64', [1], [1]), f32(1), EXACT, 'x')).toThrow('another dtype or shape')
    expect(() => expectClose(hostTensor('f32', [1, 1], [1]), f32(1), EXACT, 'x')).toThrow('another dtype or shape')
    expect(() => expectClose({ ...f32(1), data: new Float32Array(0) }, f32(1), EXACT, 'x')).toThrow(
      'another dtype or shape',
    )
  })
})
