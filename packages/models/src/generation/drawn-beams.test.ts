import { Random } from '@espalier/core'
import { expect, it } from 'vitest'
import { drawnPlaces, narrowedScores } from './drawn-beams.js'

const { log } = Math
const plain = { doSample: true, temperature: 1, topK: 0, topP: 1 }

it('draws places without putting back, each by its share of what is left', () => {
  const shares = [0.5, 0.3, 0.2]
  const scores = Float32Array.from([...shares.map(log), Number.NEGATIVE_INFINITY])
  const counts = new Map<string, number>()
  const draws = 6000
  for (let i = 0; i < draws; i++) {
    const key = drawnPlaces(scores, 2, new Random(3).at(`${i}`)).join()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [i, first] of shares.entries())
    for (const [j, second] of shares.entries())
      if (i !== j) expect((counts.get(`${i},${j}`) ?? 0) / draws).toBeCloseTo((first * second) / (1 - first), 1) // a standard error of 0.006
  expect(drawnPlaces(scores, 4, new Random(1)).at(-1)).toBe(3)
})

it('keeps scores of the likeliest tokens, however narrow the draw', () => {
  const scores = Float32Array.from([0.1, 0.6, 0.25, 0.05].map(log))
  const kept = (settings: object, least = 1) =>
    Array.from(narrowedScores(scores, { ...plain, ...settings }, least), (score) => Number.isFinite(score))
  expect(Array.from(narrowedScores(scores, { ...plain, temperature: 2 }, 1))).toEqual(
    Array.from(scores, (score) => expect.closeTo(score / 2, 6)),
  )
  expect(kept({ topK: 1 })).toEqual([false, true, false, false])
  for (const narrow of [{ topK: 1 }, { topP: 0.1 }, { minP: 0.9 }, { epsilonCutoff: 0.5 }, { etaCutoff: 0.5 }])
    expect(kept(narrow, 3)).toEqual([true, true, true, false])
  // The information of 0.25 is nearest to the entropy, then that of 0.6.
  expect(kept({ typicalP: 0.1 })).toEqual([false, false, true, false])
  expect(kept({ typicalP: 0.1 }, 2)).toEqual([false, true, true, false])
})
