import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chooseAnswer } from './choose-answers.js'
import { squadMetrics, squadV2Metrics } from './squad-metrics.js'

/** Made by answer_values.py. */
const golden = JSON.parse(readFileSync(new URL('./answer-values.json', import.meta.url), 'utf8')) as {
  readonly context: string
  readonly windows: readonly { offsets: ([number, number] | null)[]; logits: number[] }[]
  readonly chosen: readonly {
    readonly options: {
      readonly n_best_size?: number
      readonly max_answer_length?: number
      readonly version_2_with_negative?: boolean
      readonly null_score_diff_threshold?: number
    }
    readonly answer: string
    readonly scoreDiff?: number
    readonly nBest: readonly { text: string; probability: number; start_logit: number; end_logit: number }[]
  }[]
  readonly scored: readonly { answer: string; right: string[]; exact: number; f1: number }[]
}

describe('chooseAnswer', () => {
  const windows = golden.windows.map(({ offsets, logits }) => ({ window: { offsets }, logits }))

  it.each(golden.chosen)('chooses the answers of run_qa with $options', ({ options, answer, scoreDiff, nBest }) => {
    const found = chooseAnswer(golden, windows, {
      ...(options.n_best_size === undefined ? {} : { nBestSize: options.n_best_size }),
      ...(options.max_answer_length === undefined ? {} : { maxAnswerLength: options.max_answer_length }),
      ...(options.version_2_with_negative === undefined ? {} : { version2WithNegative: true }),
      ...(options.null_score_diff_threshold === undefined
        ? {}
        : { nullScoreDiffThreshold: options.null_score_diff_threshold }),
    })
    expect(found.answer).toBe(answer)
    expect(found.nBest.map(({ text }) => text)).toEqual(nBest.map(({ text }) => text))
    for (const [i, { probability, startLogit, endLogit }] of found.nBest.entries()) {
      const wanted = nBest[i] as (typeof nBest)[number]
      expect([startLogit, endLogit]).toEqual([wanted.start_logit, wanted.end_logit])
      expect(probability).toBeCloseTo(wanted.probability, 5)
    }
    if (scoreDiff === undefined) expect(found).not.toHaveProperty('scoreDiff')
    else expect(found.scoreDiff).toBeCloseTo(scoreDiff, 5)
  })

  it('tells where in the context the answer is', () => {
    const { answer, start, end } = chooseAnswer(golden, windows)
    expect(golden.context.slice(start, end)).toBe(answer)
  })
})

describe("SQuAD's metrics", () => {
  it.each(golden.scored)('score "$answer" for $right as the official functions do', ({ answer, right, exact, f1 }) => {
    expect(squadV2Metrics([{ answer, right }])).toMatchObject({ exact: 100 * exact, total: 1 })
    expect(squadV2Metrics([{ answer, right }]).f1).toBeCloseTo(100 * f1, 10)
  })

  it('are means over questions, of those with an answer and of those without by themselves', () => {
    const scores = squadV2Metrics(golden.scored)
    const { length } = golden.scored
    expect(scores.exact).toBeCloseTo((100 * golden.scored.reduce((sum, { exact }) => sum + exact, 0)) / length, 10)
    expect([scores.total, scores.HasAns_total, scores.NoAns_total]).toEqual([length, length - 2, 2])
    const of = (some: typeof golden.scored) => squadV2Metrics(some)
    expect(scores.NoAns_f1).toBe(of(golden.scored.filter(({ right }) => right.length === 0)).f1)
    expect(squadMetrics([{ answer: 'the Cat', right: ['dog', 'cat'] }])).toEqual({ exact_match: 100, f1: 100 })
  })

  it('of SQuAD 1.1 share no word where neither side has one, and are the same text', () => {
    expect(squadMetrics([{ answer: 'the', right: ['.'] }])).toEqual({ exact_match: 100, f1: 0 })
    expect(squadV2Metrics([{ answer: 'the', right: ['.'] }])).toMatchObject({ exact: 100, f1: 100 })
  })
})
