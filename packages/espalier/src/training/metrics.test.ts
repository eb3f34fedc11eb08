import { describe, expect, it } from 'vitest'
import { f1, matthews, meanSquaredError, pearson, spearman } from './metrics.js'

const got = [1, 0, 1, 1, 0, 1, 0, 0]
const want = [1, 0, 0, 1, 1, 1, 0, 1]

describe('metrics', () => {
  it('has F1 and Matthews of two labels', () => {
    // By hand: 3 right positives, 1 false one, 2 missed: 6 / 9; (3 * 2 - 1 * 2) / sqrt(4 * 5 * 3 * 4).
    expect(f1(got, want)).toBeCloseTo(2 / 3, 12)
    expect(matthews(got, want)).toBeCloseTo(4 / Math.sqrt(240), 12)
    expect([f1([0], [0]), matthews([1, 1], [0, 1])]).toEqual([0, 0])
  })

  it('has Matthews of more labels', () => {
    // By hand: 5 right of 6; predicted 2, 3, 1 and true 2, 2, 2 of each: (30 - 12) / sqrt((36 - 14) (36 - 12)).
    expect(matthews([0, 0, 1, 1, 1, 2], [0, 0, 1, 1, 2, 2])).toBeCloseTo(18 / Math.sqrt(528), 12)
  })

  it('has errors and correlations of numbers', () => {
    expect(meanSquaredError([1, 2, 4], [1, 3, 2])).toBeCloseTo(5 / 3, 12)
    expect(pearson([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12)
    // By hand: deviations (-1.5, -0.5, 0.5, 1.5) and (-2, -1, 2, 1): 6 / sqrt(5 * 10).
    expect(pearson([1, 2, 3, 4], [1, 2, 5, 4])).toBeCloseTo(6 / Math.sqrt(50), 12)
    expect(spearman([1, 2, 3, 40], [1, 2, 50, 4])).toBeCloseTo(0.8, 12)
    // Ties share ranks: (1.5, 1.5, 3) against (1, 2, 3).
    expect(spearman([5, 5, 9], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12)
  })
})
