import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { type Choice, chooseToken } from './choose-token.js'

const logits = [2, 1, 0, -1, -2]
const plain: Choice = { doSample: true, temperature: 1, topK: 0, topP: 1 }

/** How often each token is drawn in 4000 draws. */
function shares(choice: Partial<Choice>): number[] {
  const counts = logits.map(() => 0)
  for (let i = 0; i < 4000; i++) {
    const token = chooseToken(Float32Array.from(logits), new Random(5).at(`${i}`), { ...plain, ...choice })
    counts[token] = (counts[token] as number) + 1
  }
  return counts.map((count) => count / 4000)
}

function softmax(values: readonly number[]): number[] {
  const weights = values.map(Math.exp)
  const total = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / total)
}

const near = (want: readonly number[]) => want.map((x) => expect.closeTo(x, 1)) // 4000 draws: a standard error below 0.008

describe('chooseToken', () => {
  it('draws tokens by their probabilities', () => {
    expect(shares({})).toEqual(near(softmax(logits)))
    expect(shares({ temperature: 2 })).toEqual(near(softmax(logits.map((x) => x / 2))))
  })

  it('draws among the likeliest tokens only', () => {
    expect(shares({ topK: 2 })).toEqual(near([...softmax([2, 1]), 0, 0, 0]))
    expect(shares({ topK: 2 }).slice(2)).toEqual([0, 0, 0])
  })

  it('keeps the smallest set that reaches topP, and always one token', () => {
    // Probabilities 0.64, 0.23, 0.09...: two tokens reach 0.7.
    expect(shares({ topP: 0.7 }).slice(2)).toEqual([0, 0, 0])
    expect(shares({ topP: 0.7 })[1]).toBeGreaterThan(0.2)
    expect(shares({ topP: 0.01 })).toEqual([1, 0, 0, 0, 0])
  })

  it('applies topP to what topK left', () => {
    // Of the two left, the first has 0.73.
    expect(shares({ topK: 2, topP: 0.7 })).toEqual([1, 0, 0, 0, 0])
  })

  it('looks at the whole vocabulary when topP needs many tokens', () => {
    const flat = new Float32Array(3000)
    const tokens = Array.from({ length: 300 }, (_, i) => chooseToken(flat, new Random(i), { ...plain, topP: 0.9 }))
    expect(Math.max(...tokens)).toBeLessThan(2700)
    expect(Math.max(...tokens)).toBeGreaterThan(2500)
  })
})
