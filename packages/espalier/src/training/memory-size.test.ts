import { describe, expect, it } from 'vitest'
import { memorySize, writtenSize } from './memory-size.js'

describe('a size of memory', () => {
  it.each([
    ['4GB', 4e9],
    ['4 gb', 4e9],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['512MB', 512e6],
    ['512 MiB', 512 * 2 ** 20],
    ['2TB', 2e12],
    ['100', 100],
    [4e9, 4e9],
  ])('%s is %d bytes', (size, bytes) => {
    expect(memorySize('memoryBudget', size)).toBe(bytes)
  })

  it.each(['', 'GB', '4 GBs', '-1GB', '4,5GB', '1e9', 0, -1, 0.4, Number.NaN, Number.POSITIVE_INFINITY])(
    '%o is none',
    (size) => {
      expect(() => memorySize('memoryBudget', size)).toThrow(
        expect.objectContaining({ code: 'config.value', details: { memoryBudget: size } }),
      )
    },
  )

  it.each([1, 999, 1500, 1_234_567, 987_654_321, 4e9, 12_345_678_901])('is written so that %d bytes fit', (bytes) => {
    const read = memorySize('x', writtenSize(bytes))
    expect(read).toBeGreaterThanOrEqual(bytes)
    expect(read - bytes).toBeLessThan(Math.max(10, bytes / 90))
  })
})
