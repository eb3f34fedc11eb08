/** The official scoring of SQuAD: exact match and F1 over words, in percent. Sources: evaluate-v1.1.py of arXiv:1606.05250; evaluate-v2.0.py of arXiv:1806.03822. */

/** An answer and those that are right; none where the context has no answer. */
export interface ScoredAnswer {
  readonly answer: string
  readonly right: readonly string[]
}

/** Scores of SQuAD 1.1, where every question has an answer: `exact_match` and `f1`, from 0 to 100. */
export function squadMetrics(answers: readonly ScoredAnswer[]): Readonly<Record<string, number>> {
  const of = (score: Score) => mean(answers.map(({ answer, right }) => best(score, answer, right)))
  return { exact_match: of(exact), f1: of(sharedF1) }
}

/** Scores of SQuAD 2.0: `exact`, `f1` and `total`, and the same of the questions with an answer (`HasAns_`) and without (`NoAns_`), where there are any. */
export function squadV2Metrics(answers: readonly ScoredAnswer[]): Readonly<Record<string, number>> {
  const scored = answers.map(({ answer, right }) => {
    const given = right.filter((text) => normalized(text) !== '')
    const texts = given.length === 0 ? [''] : given
    // A row whose answers are all empty words still has one.
    return { exact: best(exact, answer, texts), f1: best(f1OrNone, answer, texts), hasAnswer: right.length > 0 }
  })
  const of = (prefix: string, some: typeof scored) =>
    some.length === 0
      ? {}
      : {
          [`${prefix}exact`]: mean(some.map((one) => one.exact)),
          [`${prefix}f1`]: mean(some.map(({ f1 }) => f1)),
          [`${prefix}total`]: some.length,
        }
  return {
    ...of('', scored),
    ...of(
      'HasAns_',
      scored.filter(({ hasAnswer }) => hasAnswer),
    ),
    ...of(
      'NoAns_',
      scored.filter(({ hasAnswer }) => !hasAnswer),
    ),
  }
}

type Score = (answer: string, right: string) => number

function best(score: Score, answer: string, right: readonly string[]): number {
  return Math.max(0, ...right.map((text) => score(answer, text)))
}

// Python's string.punctuation.
const PUNCTUATION = /[!-/:-@[-`{-~]/g
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu

function normalized(text: string): string {
  return wordsOf(text).join(' ')
}

function wordsOf(text: string): string[] {
  const bare = text.toLowerCase().replace(PUNCTUATION, '').replace(ARTICLES, ' ')
  return bare.split(/\s+/).filter((word) => word !== '')
}

const exact: Score = (answer, right) => Number(normalized(answer) === normalized(right))

// Of SQuAD 2.0, where no answer may be right: without words on one side it is whether there are none on both.
const f1OrNone: Score = (answer, right) => {
  const [got, want] = [wordsOf(answer), wordsOf(right)]
  return got.length === 0 || want.length === 0 ? Number(got.length === want.length) : sharedF1(answer, right)
}

// Without a word in common it is 0, also where neither side has any.
const sharedF1: Score = (answer, right) => {
  const [got, want] = [wordsOf(answer), wordsOf(right)]
  const left = new Map<string, number>()
  for (const word of want) left.set(word, (left.get(word) ?? 0) + 1)
  let shared = 0
  for (const word of got) {
    const count = left.get(word) ?? 0
    if (count > 0) shared += 1
    left.set(word, count - 1)
  }
  return shared === 0 ? 0 : (2 * shared) / (got.length + want.length)
}

function mean(scores: readonly number[]): number {
  return (100 * scores.reduce((sum, score) => sum + score, 0)) / Math.max(1, scores.length)
}
