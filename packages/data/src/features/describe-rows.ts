/**
 * What prepared rows hold, in lines: how many there are, what of them is learnt, and an example with that between marks. What supervised
 * fine-tuning on texts says is in sft/.
 */

import type { Examples } from '../collate/data-collator.js'
import { MLM_PROBABILITY } from '../collate/masked-collator.js'
import type { Features } from '../collate/pad-features.js'
import { IGNORED } from '../ignored-label.js'
import { exampleSegments } from '../sft/supervision.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { AnswerExamples } from './prepare-answers.js'
import type { Seq2SeqFeatures } from './prepare-seq2seq.js'

/** What turns ids and labels into texts. */
export interface RowTexts {
  /** Undefined where the rows came tokenized and there is none: then no example is shown. */
  readonly tokenizer: Tokenizer | undefined
  /** The name of a label. */
  labelName(label: number): string
}

/** Rows with one label, several that may hold at once, or numbers to learn. kind: which of these. */
export async function describeLabels(
  examples: Examples<Features>,
  texts: RowTexts,
  kind: 'one' | 'several' | 'numbers',
): Promise<readonly string[]> {
  const rows = await allOf(examples)
  const labels = rows.map((row) => heldLabels(row, kind))
  const first = labels[0] ?? []
  return [
    rowsLine(examples),
    kind === 'numbers' ? valuesLine(labels.flat()) : labelsLine(labels, texts),
    ...exampleLines(texts, ({ decode }) => {
      const shown = kind === 'numbers' ? first : first.map((label) => texts.labelName(label))
      return `${decode(rows[0]?.inputIds)} → [[${shown.join(', ')}]]`
    }),
  ]
}

/** Rows with a label for each word. */
export async function describeWords(examples: Examples<Features>, texts: RowTexts): Promise<readonly string[]> {
  const rows = await allOf(examples)
  const labels = rows.map((row) => heldLabels(row, 'one'))
  const [supervised, tokens] = [labels.flat().length, tokensOf(examples)]
  const share = ((100 * supervised) / tokens).toFixed(1)
  return [
    rowsLine(examples),
    `supervised tokens: ${count(supervised)} of ${count(tokens)} (${share} %), the first of each word`,
    labelsLine(labels, texts),
    ...markedExample(rows[0], texts),
  ]
}

/** Questions with answers, in windows of their contexts. */
export async function describeAnswers(examples: AnswerExamples): Promise<readonly string[]> {
  const { rows, windows } = examples
  const answered = windows.filter(({ offsets, positions: [start] }) => offsets[start] != null).length
  const without = rows.filter(({ answers }) => answers.length === 0).length
  const [first] = rows
  const { context = '', question = '', answers: [answer] = [] } = first ?? {}
  const { start = 0, end = 0 } = answer ?? {}
  return [
    `rows: ${count(rows.length)} in ${count(windows.length)} windows (longest ${count(longestOf(examples))} tokens)`,
    `answers: ${count(answered)} of ${count(windows.length)} windows have one, ${count(without)} rows have none`,
    MARKED,
    `${question} ${context.slice(0, start)}[[${context.slice(start, end)}]]${context.slice(end)}`,
  ]
}

/** Texts of which the collator masks some tokens. share: how many. */
export async function describeMasked(
  examples: Examples<Features>,
  texts: RowTexts,
  share = MLM_PROBABILITY,
): Promise<readonly string[]> {
  const first = await examples.example(0)
  if (first.labels !== undefined) return [rowsLine(examples), ...markedExample(first, texts)]
  return [
    rowsLine(examples),
    `supervised tokens: about ${Number((100 * share).toFixed(1))} % of ${count(tokensOf(examples))}, chosen anew in each epoch`,
    ...exampleLines(texts, ({ decode }) => decode(first.inputIds)),
  ]
}

/** Texts, and what is to be written for them. */
export async function describeSeq2Seq(
  examples: Examples<Seq2SeqFeatures>,
  texts: RowTexts,
): Promise<readonly string[]> {
  const rows = await allOf(examples)
  const read = rows.reduce((sum, { inputIds }) => sum + inputIds.length, 0)
  const written = rows.reduce((sum, row) => sum + counted(row.labels).length, 0)
  const without = rows.filter(({ labels }) => counted(labels).length === 0).length
  const [first] = rows
  return [
    rowsLine(examples),
    `supervised tokens: ${count(written)} to write for ${count(read)} that are read, ${count(without)} rows without any`,
    ...exampleLines(texts, ({ decode }) => `${decode(first?.inputIds)} → [[${decode(counted(first?.labels))}]]`),
  ]
}

const MARKED = 'example (trained between [[ and ]]):'
const MOST_NAMED = 12 // labels on a line

function rowsLine(examples: Examples<unknown>): string {
  const longest = count(longestOf(examples))
  return `rows: ${count(examples.length)} kept, 0 dropped, ${count(examples.cut ?? 0)} truncated (longest ${longest} tokens)`
}

function longestOf({ lengths }: Examples<unknown>): number {
  return lengths.reduce((most, length) => Math.max(most, length), 0)
}

function tokensOf({ lengths }: Examples<unknown>): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}

// Of flags the places of those that hold.
function heldLabels({ labels = [] }: Features, kind: 'one' | 'several' | 'numbers'): number[] {
  const list = typeof labels === 'number' ? [labels] : Array.from(labels)
  if (kind === 'numbers') return list
  return kind === 'one' ? counted(list) : list.flatMap((flag, label) => (flag === 0 ? [] : [label]))
}

function counted(labels: readonly number[] = []): number[] {
  return labels.filter((label) => label !== IGNORED)
}

// How often each label holds, the most frequent ones first.
function labelsLine(rows: readonly (readonly number[])[], { labelName }: RowTexts): string {
  const times = new Map<number, number>()
  for (const label of rows.flat()) times.set(label, (times.get(label) ?? 0) + 1)
  const sorted = [...times].sort(([a, m], [b, n]) => n - m || a - b)
  const named = sorted.slice(0, MOST_NAMED).map(([label, found]) => `${labelName(label)} ${count(found)}`)
  const more = sorted.length > MOST_NAMED ? [`${sorted.length - MOST_NAMED} more`] : []
  const without = rows.filter((labels) => labels.length === 0).length
  return `labels: ${[...named, ...more].join(', ')}; ${count(without)} rows without any`
}

function valuesLine(values: readonly number[]): string {
  const least = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
  const most = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return `labels: numbers from ${least} to ${most}, ${Number(mean.toPrecision(4))} on average`
}

interface Decoding {
  decode(ids: ArrayLike<number> | undefined): string
}

function exampleLines({ tokenizer }: RowTexts, text: (decoding: Decoding) => string): string[] {
  if (tokenizer === undefined) return []
  return [MARKED, text({ decode: (ids = []) => tokenizer.decode(Array.from(ids)) })]
}

function markedExample(row: Features | undefined, { tokenizer }: RowTexts): string[] {
  if (tokenizer === undefined || row === undefined) return []
  const { inputIds, labels = [] } = row
  const segments = exampleSegments(tokenizer, inputIds, typeof labels === 'number' ? [labels] : labels)
  return [MARKED, segments.map(({ text, isTrained }) => (isTrained ? `[[${text}]]` : text)).join(' ')]
}

function allOf<T>(examples: Examples<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: examples.length }, (_, index) => examples.example(index)))
}

function count(n: number): string {
  return n.toLocaleString('en-US')
}
