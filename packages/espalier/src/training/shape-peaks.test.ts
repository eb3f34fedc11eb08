import { describe, expect, it } from 'vitest'
import { type ShapedFeeds, shapePeaks } from './shape-peaks.js'

const batch = (rows: number, length: number): ShapedFeeds => ({
  shape: { rows, length, countedSize: rows * length },
  feeds: { ids: { dtype: 'i32', shape: [rows, length], data: new Int32Array(rows * length) } },
})

// Of a model whose tokens keep 3 values each, and one for every token of their row.
const peakOf = (asked: string[]) => (feeds: ShapedFeeds['feeds']) => {
  const [rows = 0, length = 0] = feeds.ids?.shape ?? []
  asked.push(`${rows} x ${length}`)
  return rows * length * (3 + length)
}

describe('shapePeaks', () => {
  it('finds the peaks of all shapes from the programs of the shortest and the longest rows', () => {
    const asked: string[] = []
    const shapes = [batch(4, 64), batch(16, 16), batch(2, 128), batch(1, 32)]
    expect(shapePeaks(shapes, peakOf(asked))).toEqual([4 * 64 * 67, 16 * 16 * 19, 2 * 128 * 131, 32 * 35])
    expect(asked).toEqual(['16 x 16', '2 x 128'])
  })

  it('follows one program where all rows have one length', () => {
    const asked: string[] = []
    expect(shapePeaks([batch(1, 8), batch(4, 8)], peakOf(asked))).toEqual([8 * 11, 32 * 11])
    expect(asked).toEqual(['1 x 8'])
    expect(shapePeaks([], peakOf(asked))).toEqual([])
  })
})
