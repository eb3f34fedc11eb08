/** What will be trained on, in numbers and in words: the report and the warnings before the first step. Counting is fed by prepare.ts. */

import { cutWarnings } from '../features/cut-rows.js'
import { IGNORED } from '../ignored-label.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'

/** A stretch of an example that trains, or does not. */
export interface ExampleSegment {
  readonly text: string
  readonly isTrained: boolean
}

/** What a data set holds for training. */
export interface SupervisionReport {
  readonly source: string
  /** The recognised shape in words. */
  readonly shape: string
  readonly rows: number
  readonly kept: number
  /** Rows left out because truncation leaves them nothing to train on. */
  readonly dropped: number
  readonly truncated: number
  readonly maxLength: number | null
  /** Ids of the kept rows. */
  readonly tokens: number
  /** Ids of the kept rows that count in the loss. */
  readonly supervisedTokens: number
  /** Rows, dropped ones included, with no id that counts in the loss. */
  readonly withoutSupervision: number
  /** Kept rows whose end-of-sequence token was cut off: a model trained on them does not learn to stop. */
  readonly lostEndOfSequence: number
  /** Rows whose prompt has other ids alone than before its completion. */
  readonly promptMismatches: number
  readonly longest: number
  /** How many rows the rows were packed into; undefined where each stays a row. */
  readonly packing?: { readonly strategy: string; readonly maxLength: number; readonly rows: number }
  readonly example: readonly ExampleSegment[]
}

/** The segments of an example. labels: -100 where an id does not count. */
export function exampleSegments(
  tokenizer: Tokenizer,
  inputIds: ArrayLike<number>,
  labels: ArrayLike<number>,
): ExampleSegment[] {
  const segments: ExampleSegment[] = []
  for (let start = 0; start < inputIds.length; ) {
    const isTrained = labels[start] !== IGNORED
    let end = start + 1
    while (end < inputIds.length && (labels[end] !== IGNORED) === isTrained) end += 1
    segments.push({ text: tokenizer.decode(Array.from(inputIds).slice(start, end)), isTrained })
    start = end
  }
  return segments
}

/** What to know of the rows before they train, a sentence each; none when all train whole. */
export function supervisionWarnings(report: SupervisionReport): string[] {
  const { rows, dropped, truncated, maxLength, longest, lostEndOfSequence, promptMismatches } = report
  const of = (count: number) => `${count.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows`
  const untrained = report.withoutSupervision - dropped
  return [
    ...(dropped === 0
      ? []
      : [`${of(dropped)} are dropped: at maxLength ${maxLength} nothing is left of them to train on`]),
    ...cutWarnings({ rows, cut: truncated, longest, maxLength }),
    ...(lostEndOfSequence === 0
      ? []
      : [`${of(lostEndOfSequence)} lost their end-of-sequence token: a model does not learn from them to stop`]),
    ...(untrained === 0 ? [] : [`${of(untrained)} have nothing that counts in the loss`]),
    ...(promptMismatches === 0
      ? []
      : [
          `${of(promptMismatches)} have a prompt that is tokenized otherwise before its completion: end prompts without a space`,
        ]),
  ]
}

/** The report as lines of text, without its warnings. Trained tokens of the example stand between the marks. */
export function renderSupervision(
  report: SupervisionReport,
  marks: readonly [open: string, close: string] = ['[[', ']]'],
): string[] {
  const share = report.tokens === 0 ? 0 : (100 * report.supervisedTokens) / report.tokens
  const count = (n: number) => n.toLocaleString('en-US')
  const lines = [
    `${report.source}: ${report.shape}`,
    `rows: ${count(report.kept)} kept, ${count(report.dropped)} dropped, ${count(report.truncated)} truncated` +
      (report.maxLength === null ? '' : ` (max length ${count(report.maxLength)}, longest ${count(report.longest)})`),
    ...(report.packing === undefined ? [] : [packedLine(report.packing, report)]),
    `supervised tokens: ${count(report.supervisedTokens)} of ${count(report.tokens)} (${share.toFixed(1)} %)`,
  ]
  const [open, close] = marks
  const text = report.example
    .map((segment) => (segment.isTrained ? open + segment.text + close : segment.text))
    .join('')
  return [...lines, `example (trained between ${open} and ${close}):`, text]
}

function packedLine(
  { strategy, maxLength, rows }: NonNullable<SupervisionReport['packing']>,
  { kept, tokens }: SupervisionReport,
): string {
  const count = (n: number) => n.toLocaleString('en-US')
  const full = (100 * tokens) / (rows * maxLength)
  return `packed (${strategy}): ${count(kept)} rows in ${count(rows)} of at most ${count(maxLength)} tokens, ${full.toFixed(1)} % full`
}
