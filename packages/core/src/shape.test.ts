/** Arithmetic on shapes. */
import { describe, expect, it } from 'vitest'
import { broadcastShapes, broadcastStrides, checkShape, normalizeAxis, sameShape, sizeOf, stridesOf } from './shape.js'

const mismatch = expect.objectContaining({ code: 'shape.mismatch' })

describe('sizeOf and stridesOf', () => {
  it('count elements and steps, row-major', () => {
    expect(sizeOf([])).toBe(1)
    expect(sizeOf([2, 0, 3])).toBe(0)
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1])
    expect(stridesOf([])).toEqual([])
  })
})

describe('broadcastShapes', () => {
  it('follows NumPy', () => {
    expect(broadcastShapes([2, 1, 3], [4, 1], 'add')).toEqual([2, 4, 3])
    expect(broadcastShapes([], [5], 'add')).toEqual([5])
    expect(broadcastShapes([0, 3], [1, 3], 'add')).toEqual([0, 3])
    expect(broadcastShapes([1], [0], 'add')).toEqual([0])
  })

  it('refuses unequal sizes with shape.mismatch, naming the operation', () => {
    expect(() => broadcastShapes([2], [3], 'add')).toThrow(/^add cannot broadcast/)
    expect(() => broadcastShapes([0], [3], 'add')).toThrow(mismatch)
  })
})

describe('broadcastStrides', () => {
  it('are 0 along repeated and new axes', () => {
    expect(broadcastStrides([3, 1], [2, 3, 5])).toEqual([0, 1, 0])
    expect(broadcastStrides([1, 1], [1, 1])).toEqual([1, 1])
    expect(broadcastStrides([2, 3], [2, 3])).toEqual([3, 1])
  })
})

describe('normalizeAxis', () => {
  it('counts from the end below 0 and refuses others with shape.mismatch', () => {
    expect(normalizeAxis(-1, 3, 'sum')).toBe(2)
    expect(normalizeAxis(1, 3, 'sum')).toBe(1)
    for (const axis of [3, -4, 0.5, NaN]) expect(() => normalizeAxis(axis, 3, 'sum')).toThrow(mismatch)
  })
})

describe('sameShape and checkShape', () => {
  it('compare and refuse', () => {
    expect(sameShape([1, 2], [1, 2])).toBe(true)
    expect(sameShape([1, 2], [1, 2, 1])).toBe(false)
    for (const shape of [[-1], [1.5], [NaN], [2 ** 60]]) expect(() => checkShape(shape, 'input')).toThrow(mismatch)
    expect(() => checkShape([0, 3], 'input')).not.toThrow()
  })
})
