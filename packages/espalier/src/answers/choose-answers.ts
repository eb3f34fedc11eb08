/**
 * From logits of starts and ends to answers, as transformers' run_qa chooses them: the best pairs of all windows of a context, and the
 * null answer, which the first token of a window stands for.
 */
import type { AnswerFeatures, AskedRow } from '@espalier/data'
import { softmax } from '../model/softmax.js'

/** How answers are chosen. Names and defaults are run_qa's. */
export interface AnswerOptions {
  /** Starts and ends that are paired in each window, and answers that are kept. Default 20. */
  readonly nBestSize?: number
  /** Most tokens of an answer. Default 30. */
  readonly maxAnswerLength?: number
  /** Whether a context may have no answer. Default false. */
  readonly version2WithNegative?: boolean
  /** There is no answer where the null answer's score is higher than the best answer's by more than this. Default 0. */
  readonly nullScoreDiffThreshold?: number
}

/** A stretch of the context that may be the answer, or the null answer, whose text is empty. */
export interface AnswerCandidate {
  readonly text: string
  /** Range in the context in UTF-16 units, as `slice` takes them. */
  readonly start: number
  readonly end: number
  /** Among all that are kept. */
  readonly probability: number
  readonly startLogit: number
  readonly endLogit: number
}

/** The answer to a question. */
export interface Answer {
  /** Empty where the context has none. */
  readonly answer: string
  /** Its probability among the candidates. */
  readonly score: number
  /** Range in the context in UTF-16 units, as `slice` takes them; both 0 of no answer. */
  readonly start: number
  readonly end: number
  /** By how much the null answer's score is higher than the best answer's, where contexts may have none. */
  readonly scoreDiff?: number
  /** Best first. */
  readonly nBest: readonly AnswerCandidate[]
}

/** A window and the model's logits of it, (tokens, 2): start and end of each token. */
export interface ScoredWindow {
  readonly window: Pick<AnswerFeatures, 'offsets'>
  readonly logits: ArrayLike<number>
}

const N_BEST = 20
const LONGEST = 30 // tokens of an answer

/** The answer that the windows of one context give. */
export function chooseAnswer(
  { context }: Pick<AskedRow, 'context'>,
  windows: readonly ScoredWindow[],
  options: AnswerOptions = {},
): Answer {
  const { nBestSize = N_BEST, version2WithNegative: mayLack = false, nullScoreDiffThreshold = 0 } = options
  const none = leastNull(windows)
  const found = [...windows.flatMap((scored) => pairs(scored, options)), ...(mayLack ? [none] : [])]
  const best = [...found].sort((a, b) => scoreOf(b) - scoreOf(a)).slice(0, nBestSize)
  if (mayLack && !best.includes(none)) best.push(none)
  const texts = best.map((span) => ({ ...span, text: context.slice(span.start, span.end) }))
  // As run_qa: where there is no answer at all, something stands in its place.
  if (texts.length === 0 || (texts.length === 1 && texts[0]?.text === ''))
    texts.unshift({ text: 'empty', start: 0, end: 0, startLogit: 0, endLogit: 0 })
  const probabilities = softmax(texts.map(scoreOf))
  const nBest = texts.map((span, i) => ({ ...span, probability: probabilities[i] as number }))
  const answered = nBest.find(({ text }) => text !== '') ?? (nBest[0] as AnswerCandidate)
  if (!mayLack) return answerOf(nBest[0] as AnswerCandidate, nBest)
  const scoreDiff = scoreOf(none) - scoreOf(answered)
  const isNull = scoreDiff > nullScoreDiffThreshold
  const chosen = isNull ? (nBest.find(({ text }) => text === '') as AnswerCandidate) : answered
  return { ...answerOf(chosen, nBest), scoreDiff }
}

interface Span {
  readonly start: number
  readonly end: number
  readonly startLogit: number
  readonly endLogit: number
}

function answerOf({ text, start, end, probability }: AnswerCandidate, nBest: readonly AnswerCandidate[]): Answer {
  return { answer: text, score: probability, start, end, nBest }
}

function scoreOf({ startLogit, endLogit }: Span): number {
  return startLogit + endLogit
}

// The null answer of the window that is surest of having one.
function leastNull(windows: readonly ScoredWindow[]): Span {
  return windows
    .map(({ logits }) => ({ start: 0, end: 0, startLogit: logits[0] as number, endLogit: logits[1] as number }))
    .reduce((least, one) => (scoreOf(one) < scoreOf(least) ? one : least))
}

function pairs({ window: { offsets }, logits }: ScoredWindow, options: AnswerOptions): Span[] {
  const { nBestSize = N_BEST, maxAnswerLength = LONGEST } = options
  const [starts, ends] = [0, 1].map((side) => largest(offsets.length, (i) => logits[2 * i + side] as number, nBestSize))
  const found: Span[] = []
  for (const first of starts as number[])
    for (const last of ends as number[]) {
      const [from, to] = [offsets[first], offsets[last]]
      if (from == null || to == null || last < first || last - first + 1 > maxAnswerLength) continue
      const [startLogit, endLogit] = [logits[2 * first] as number, logits[2 * last + 1] as number]
      found.push({ start: from[0], end: to[1], startLogit, endLogit })
    }
  return found
}

function largest(count: number, value: (index: number) => number, most: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
    .sort((a, b) => value(b) - value(a))
    .slice(0, most)
}
