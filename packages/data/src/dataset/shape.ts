/**
 * What the columns of a data set mean. The shape is recognised from the names and values of the first row, can be overruled, and is
 * said in words, so that a wrong guess is seen. Turning rows into tokens is left to sft/.
 */
import { EspalierError } from '@espalier/core'
import type { DataRow } from './formats.js'

/** Columns that the caller names instead of having them recognised. */
export interface FieldOptions {
  readonly promptField?: string
  readonly completionField?: string
  readonly textField?: string
}

/** The kinds of rows that are known by their columns. */
export type ShapeKind =
  | 'text'
  | 'prompt-completion'
  | 'messages'
  | 'instruction'
  | 'text-label'
  | 'sentence-pair-label'
  | 'question-answer'
  | 'tokens-labels'

/** A recognised shape. */
export interface DataShape {
  readonly kind: ShapeKind
  /** Column of each part, such as prompt -> question. */
  readonly fields: Readonly<Record<string, string>>
  /** Whether the parts are lists of messages. */
  readonly isConversational: boolean
  /** The shape in words. */
  readonly description: string
}

/** The shape of rows like this one. Throws data.shape, naming the columns, when it is not known or a named column is missing. */
export function recognizeShape(row: DataRow, options: FieldOptions = {}): DataShape {
  const named = namedShape(row, options)
  if (named !== undefined) return named
  for (const [kind, columns] of KNOWN) {
    if (columns.every((column) => column in row) && !columns.some((column) => isShareGpt(row[column])))
      return shapeOf(row, kind, Object.fromEntries(columns.map((c) => [c, c])))
  }
  const shared = ['conversations', 'conversation', 'messages'].find((column) => isShareGpt(row[column]))
  if (shared !== undefined)
    throw new EspalierError('data.shape', {
      what: 'these are conversations as ShareGPT has them, with from and value in place of role and content',
      got: { columns: Object.keys(row) },
      fix: `Convert them: dataset.map(({ ${shared} }) => ({ messages: ${shared}.map(({ from, value }) => ({ role: { human: 'user', gpt: 'assistant' }[from] ?? from, content: value })) }))`,
    })
  throw new EspalierError('data.shape', {
    what: 'the shape of the data is not recognised',
    got: { columns: Object.keys(row) },
    fix: 'Name the columns: promptField and completionField, or textField.',
  })
}

function isShareGpt(turns: unknown): boolean {
  return (
    Array.isArray(turns) &&
    turns.length > 0 &&
    turns.every((turn) => typeof turn === 'object' && turn !== null && 'from' in turn && 'value' in turn)
  )
}

// The most telling columns first: a row with prompt and completion may have a text column too.
const KNOWN: readonly (readonly [ShapeKind, readonly string[]])[] = [
  ['messages', ['messages']],
  ['prompt-completion', ['prompt', 'completion']],
  ['instruction', ['instruction', 'output']],
  ['sentence-pair-label', ['sentence1', 'sentence2', 'label']],
  ['question-answer', ['question', 'context', 'answers']],
  ['tokens-labels', ['tokens', 'labels']],
  ['text-label', ['text', 'label']],
  ['text', ['text']],
]

function namedShape(row: DataRow, options: FieldOptions): DataShape | undefined {
  const { promptField, completionField, textField } = options
  if (textField !== undefined && (promptField !== undefined || completionField !== undefined)) {
    throw new EspalierError('config.value', {
      what: 'rows are either a text or a prompt with a completion',
      got: { textField, promptField, completionField },
      fix: 'Name textField alone, or promptField and completionField.',
    })
  }
  if (textField !== undefined) return shapeOf(row, 'text', { text: textField })
  if (promptField === undefined && completionField === undefined) return undefined
  return shapeOf(row, 'prompt-completion', {
    prompt: promptField ?? 'prompt',
    completion: completionField ?? 'completion',
  })
}

function shapeOf(row: DataRow, kind: ShapeKind, fields: Record<string, string>): DataShape {
  const missing = Object.values(fields).filter((column) => !(column in row))
  if (missing.length > 0) {
    throw new EspalierError('data.shape', {
      what: 'columns that were named are not in the data',
      got: { missing, columns: Object.keys(row) },
      fix: 'Use names from the list of columns.',
    })
  }
  const parts = Object.entries(fields).map(([part, column]) => (part === column ? part : `${part} from "${column}"`))
  const isConversational = Object.values(fields).some((column) => isMessages(row[column]))
  const form = isConversational ? ', as messages' : ''
  return { kind, fields, isConversational, description: `${kind} rows (${parts.join(', ')})${form}` }
}

/** Whether a value is a list of messages: objects with a role. */
export function isMessages(value: unknown): value is readonly { readonly role: string }[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (item) => typeof item === 'object' && item !== null && typeof (item as { role?: unknown }).role === 'string',
    )
  )
}
