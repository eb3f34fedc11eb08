/** The error function against values of the C library. */
import { describe, expect, it } from 'vitest'
import { erf } from './erf.js'

const known: readonly (readonly [number, number])[] = [
  [1e-300, 1.1283791670955126e-300],
  [1e-10, 1.1283791670955126e-10],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.5, 0.9661051464753108],
  [2, 0.9953222650189527],
  [2.4999, 0.9995928300996666],
  [2.5, 0.999593047982555],
  [2.5001, 0.9995932657565293],
  [3, 0.9999779095030014],
  [4, 0.9999999845827421],
  [5, 0.9999999999984626],
  [5.9, 0.9999999999999999],
  [6.1, 1],
]

describe('erf', () => {
  it('is right to 1e-14, relatively, on both sides of 0', () => {
    for (const [x, y] of known) {
      expect(Math.abs(erf(x) - y) / y, String(x)).toBeLessThan(1e-14)
      expect(erf(-x)).toBe(-erf(x))
    }
  })

  it('is 0 at 0, 1 at infinity and NaN at NaN', () => {
    expect(erf(0)).toBe(0)
    expect(Object.is(erf(-0), -0)).toBe(true)
    expect(erf(Infinity)).toBe(1)
    expect(erf(-Infinity)).toBe(-1)
    expect(erf(NaN)).toBeNaN()
  })
})
