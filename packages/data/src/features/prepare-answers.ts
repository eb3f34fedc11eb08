/**
 * Rows with a question, a context and answers in it, as windows with the places of the answer's ends: what transformers' run_qa makes of
 * SQuAD's rows. A context that is too long becomes several windows; where a window has no answer, both ends are its first special token.
 */
import { EspalierError } from '@espalier/core'
import type { Examples } from '../collate/data-collator.js'
import type { Features } from '../collate/pad-features.js'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import type { Range } from '../engine/aligned-text.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { PlacedEncoding } from '../tokenizer/windows.js'
import { type AskedRow, askedRow } from './asked-row.js'
import { mapRows } from './rows.js'

/** How contexts are cut. Names and defaults are run_qa's. */
export interface WindowSettings {
  /** Most ids of a window. Default 384, or as many as the tokenizer allows. */
  readonly maxLength?: number | null
  /** Tokens that a window has in common with the one before. Default 128. */
  readonly docStride?: number
}

/** A window of a context behind its question. */
export interface AnswerFeatures extends Features {
  readonly tokenTypeIds?: readonly number[]
  readonly inputIds: readonly number[]
  readonly attentionMask: readonly number[]
  /** The row that it is of. */
  readonly row: number
  /** Its place among all windows. */
  readonly window: number
  /** Range of each token in the context, in UTF-16 units; null of all other tokens. */
  readonly offsets: readonly (Range | null)[]
  /** Where the answer begins and ends. */
  readonly positions: Range
}

/** All windows, and the rows that they are of. */
export interface AnswerExamples extends Examples<AnswerFeatures> {
  readonly rows: readonly AskedRow[]
  readonly windows: readonly AnswerFeatures[]
}

/**
 * Windows of rows with `question` and `context`, and `answers`: SQuAD's `{ text: [...], answer_start: [...] }`, or a list of
 * `{ text, answer_start }`. Of several answers the first one counts; without any there is none in the context. As run_qa, a tokenizer that
 * pads on the left has the context in front of the question. Throws data.row with the place, data.empty.
 */
export async function prepareAnswers(
  dataset: Dataset<DataRow>,
  tokenizer: () => Promise<Tokenizer>,
  { signal, ...settings }: WindowSettings & { readonly signal?: AbortSignal } = {},
): Promise<AnswerExamples> {
  const rows: AskedRow[] = []
  const cut = await mapRows(
    dataset,
    async (row, place) => {
      rows.push(askedRow(row, place, { needsAnswers: true }))
      return answerWindows(rows.at(-1) as AskedRow, await tokenizer(), settings, rows.length - 1)
    },
    signal,
  )
  const windows = cut.flat().map((window, index) => ({ ...window, window: index }))
  return {
    rows,
    windows,
    length: windows.length,
    lengths: Int32Array.from(windows, ({ inputIds }) => inputIds.length),
    counts: new Int32Array(windows.length),
    haveTokenTypes: windows.some(({ tokenTypeIds }) => tokenTypeIds !== undefined),
    warnings: misplacedWarnings(rows),
    example: async (index) => windows[index] as AnswerFeatures,
  }
}

const MAX_LENGTH = 384
const DOC_STRIDE = 128

/** The windows of one row. row: its number. Throws data.row where the question leaves no room. */
export function answerWindows(
  asked: AskedRow,
  tokenizer: Tokenizer,
  { maxLength = MAX_LENGTH, docStride = DOC_STRIDE }: WindowSettings = {},
  row = 0,
): AnswerFeatures[] {
  const { question, context, place } = asked
  const contextFirst = tokenizer.paddingSide === 'left'
  const longest = Math.min(maxLength ?? Number.POSITIVE_INFINITY, tokenizer.modelMaxLength)
  let encodings: readonly PlacedEncoding[]
  try {
    encodings = tokenizer.encodeWindows(contextFirst ? [context, question] : [question, context], {
      maxLength: longest,
      stride: docStride,
      truncation: contextFirst ? 'only_first' : 'only_second',
    })
  } catch (cause) {
    if (!EspalierError.isInstance(cause) || cause.code !== 'config.value') throw cause
    throw new EspalierError('data.row', {
      what: 'a question leaves no room for its context',
      got: { row: place, ...cause.details },
      fix: 'Raise maxLength, lower docStride, or leave the row out',
      cause,
    })
  }
  const ofContext = contextFirst ? 0 : 1
  return encodings.map((encoding, window) => {
    const { inputIds, attentionMask, tokenTypeIds, sequenceIds, offsetMapping } = encoding
    const offsets = offsetMapping.map((range, i) => (sequenceIds[i] === ofContext ? range : null))
    return {
      row,
      window,
      inputIds,
      attentionMask,
      ...(tokenizer.givesTokenTypes ? { tokenTypeIds } : {}),
      offsets,
      positions: positionsOf(asked, offsets) ?? noAnswer(inputIds, tokenizer),
    }
  })
}

// First and last token of the answer, where the window has all of it. run_qa, looking for the first one, leaves the context when that is
// its last token; it is found here.
function positionsOf({ answers }: AskedRow, offsets: readonly (Range | null)[]): Range | undefined {
  const [answer] = answers
  const inContext = offsets.flatMap((range, index) => (range === null ? [] : [{ index, range }]))
  const [first, last] = [inContext[0], inContext.at(-1)]
  if (answer === undefined || first === undefined || last === undefined) return undefined
  const { start, end } = answer
  if (first.range[0] > start || last.range[1] < end) return undefined
  const begun = inContext.filter(({ range }) => range[0] <= start)
  const ended = inContext.find(({ range }) => range[1] >= end)
  return [begun.at(-1)?.index ?? first.index, (ended ?? last).index]
}

function noAnswer(inputIds: readonly number[], { clsTokenId, bosTokenId }: Tokenizer): Range {
  const place = [clsTokenId, bosTokenId]
    .map((id) => (id === undefined ? -1 : inputIds.indexOf(id)))
    .find((at) => at >= 0)
  return [place ?? 0, place ?? 0]
}

function misplacedWarnings(rows: readonly AskedRow[]): string[] {
  const misplaced = rows.filter(({ context, answers }) =>
    answers.some(({ text, start, end }) => context.slice(start, end) !== text),
  )
  const [first] = misplaced
  if (first === undefined) return []
  return [
    `${misplaced.length.toLocaleString('en-US')} of ${rows.length.toLocaleString('en-US')} rows have an answer that is not at its answer_start in the context, the first being ${first.place}: what is there is learnt, as by run_qa`,
  ]
}
