/** A row with a question, its context and answers, as SQuAD has them. Tokens are left to prepare-answers.ts. */
import { EspalierError } from '@espalier/core'
import type { DataRow } from '../dataset/formats.js'

/** An answer in a context. */
export interface GivenAnswer {
  readonly text: string
  /** Its range in the context in UTF-16 units, as `slice` takes them. */
  readonly start: number
  readonly end: number
}

/** A row that was read. */
export interface AskedRow {
  readonly id: string
  /** As run_qa, without space in front. */
  readonly question: string
  readonly context: string
  /** Empty where the context has none. */
  readonly answers: readonly GivenAnswer[]
  /** Names the row in messages. */
  readonly place: string
}

/** Reads a row; `answer_start` counts characters, as Python does. needsAnswers: whether a row without a word on them is refused. Throws data.shape, data.row. */
export function askedRow(row: DataRow, place: string, { needsAnswers = false } = {}): AskedRow {
  const missing = ['question', 'context', ...(needsAnswers ? ['answers'] : [])].filter((column) => !(column in row))
  if (missing.length > 0)
    throw new EspalierError('data.shape', {
      what: 'the rows have not what questions need',
      got: { row: place, missing, columns: Object.keys(row) },
      fix: 'Give question, context and answers, as SQuAD has them: { text: [...], answer_start: [...] }, empty lists where there is no answer',
    })
  const [question, context] = [textOf(row, 'question', place), textOf(row, 'context', place)]
  const { id = place } = row
  return {
    id: String(id),
    question: question.trimStart(),
    context,
    answers: answersOf(row.answers ?? [], place).map(([text, start]) => ({
      text,
      start: unitsBefore(context, start),
      end: unitsBefore(context, start + [...text].length),
    })),
    place,
  }
}

function textOf(row: DataRow, field: string, place: string): string {
  const value = row[field]
  if (typeof value === 'string') return value
  throw new EspalierError('data.row', {
    what: 'a field of a row is not text',
    got: { row: place, field, found: value === null ? 'null' : typeof value },
  })
}

// A CSV file has answers as JSON.
function answersOf(given: unknown, place: string): (readonly [string, number])[] {
  const answers = typeof given === 'string' ? parsed(given) : given
  const list = Array.isArray(answers) ? (answers as unknown[]) : pairs(answers)
  const found = list?.map((answer) => {
    const { text, answer_start: start } = (answer ?? {}) as { text?: unknown; answer_start?: unknown }
    const isPlace = typeof start === 'number' && Number.isInteger(start) && start >= 0
    return typeof text === 'string' && isPlace ? ([text, start] as const) : undefined
  })
  if (found?.every((answer) => answer !== undefined) === true) return found as (readonly [string, number])[]
  throw new EspalierError('data.row', {
    what: 'the answers of a row are not as SQuAD has them',
    got: { row: place, answers: JSON.stringify(given) ?? 'none' },
    fix: 'Give { text: ["Paris"], answer_start: [12] }, with empty lists where there is no answer',
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // said by the caller
  }
}

// SQuAD's columns: as many texts as places.
function pairs(answers: unknown): unknown[] | undefined {
  const { text, answer_start: starts } = (answers ?? {}) as { text?: unknown; answer_start?: unknown }
  if (!Array.isArray(text) || !Array.isArray(starts) || text.length !== starts.length) return undefined
  return text.map((one, i) => ({ text: one as unknown, answer_start: starts[i] as unknown }))
}

const SURROGATES = /[\uD800-\uDFFF]/

// UTF-16 units of the first so many characters.
function unitsBefore(text: string, characters: number): number {
  if (!SURROGATES.test(text)) return characters
  return [...text].slice(0, characters).join('').length
}
