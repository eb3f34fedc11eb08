/**
 * One row to ids and the tokens that train, as TRL's SFTTrainer does it: text + end-of-sequence; or the prompt alone, then prompt +
 * completion + end-of-sequence together, of which what lies after the prompt's length is the completion. Conversations go through the
 * chat template, which brings its own end. Truncation and dropping are left to prepare.ts.
 */
import { EspalierError } from '@espalier/core'
import type { DataRow } from '../dataset/formats.js'
import { type DataShape, isMessages } from '../dataset/shape.js'
import type { ChatTemplateOptions, Message } from '../tokenizer/chat-template.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { templateOptions } from './template-options.js'

/** A row as ids. Tokens from `completionStart` on are the completion; 0 where there is no prompt. */
export interface TokenizedRow {
  readonly inputIds: readonly number[]
  readonly completionStart: number
  /** Whether the prompt's ids begin the whole row's. When not, the boundary is off by what merged across it, as in TRL. */
  readonly isPromptPrefix: boolean
}

/** The end-of-sequence token rows get: the named one or the tokenizer's. Throws tokenizer.special when there is none. */
export function endOfSequence(tokenizer: Tokenizer, eosToken: string | undefined): { token: string; id: number } {
  const token = eosToken ?? tokenizer.eosToken
  const id = token === undefined ? undefined : tokenizer.tokenToId(token)
  if (token !== undefined && id !== undefined) return { token, id }
  throw new EspalierError('tokenizer.special', {
    what:
      token === undefined
        ? 'the tokenizer has no end-of-sequence token'
        : 'the end-of-sequence token is not in the vocabulary',
    got: { eosToken: token },
    fix: 'Name a token of the vocabulary as eosToken.',
  })
}

/** A row as ids. label: names the row in an error. Throws data.row for a missing or wrong field, data.shape for a shape that cannot be trained on yet. */
export function tokenizeRow(
  tokenizer: Tokenizer,
  shape: DataShape,
  row: DataRow,
  context: { readonly label: string; readonly eosToken: string },
): TokenizedRow {
  if (shape.kind === 'text') {
    const text = withEnd(asText(row, shape.fields.text, context.label), context.eosToken)
    return whole(tokenizer.encode(text).inputIds)
  }
  if (shape.kind === 'messages') {
    const messages = asMessages(row, shape.fields.messages, context.label)
    return whole(chatIds(tokenizer, messages, templateOptions(row, context.label), context.label))
  }
  if (shape.kind === 'prompt-completion') {
    return shape.isConversational
      ? conversation(tokenizer, shape, row, context.label)
      : plain(tokenizer, shape, row, context)
  }
  throw new EspalierError('data.shape', {
    what: 'rows of this shape cannot be trained on as text yet',
    got: { shape: shape.kind, columns: Object.keys(row) },
    fix: 'Name the columns: promptField and completionField, or textField.',
  })
}

function plain(
  tokenizer: Tokenizer,
  shape: DataShape,
  row: DataRow,
  { label, eosToken }: { readonly label: string; readonly eosToken: string },
): TokenizedRow {
  const prompt = asText(row, shape.fields.prompt, label)
  const completion = withEnd(asText(row, shape.fields.completion, label), eosToken)
  return joined(tokenizer.encode(prompt).inputIds, tokenizer.encode(prompt + completion).inputIds)
}

function conversation(tokenizer: Tokenizer, shape: DataShape, row: DataRow, label: string): TokenizedRow {
  const prompt = asMessages(row, shape.fields.prompt, label)
  const completion = asMessages(row, shape.fields.completion, label)
  const options = templateOptions(row, label)
  const before = chatIds(tokenizer, prompt, { ...options, addGenerationPrompt: true }, label)
  return joined(before, chatIds(tokenizer, [...prompt, ...completion], options, label))
}

/** A conversation as ids. Throws tokenizer.template with the row where the template refuses it. */
function chatIds(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  options: ChatTemplateOptions,
  label: string,
): readonly number[] {
  try {
    return tokenizer.applyChatTemplate(messages, { ...options, tokenize: true })
  } catch (cause) {
    if (!EspalierError.isInstance(cause) || cause.code !== 'tokenizer.template') throw cause
    const { what, details, fix } = cause
    throw new EspalierError('tokenizer.template', { what, got: { row: label, ...details }, fix, cause })
  }
}

function whole(inputIds: readonly number[]): TokenizedRow {
  return { inputIds, completionStart: 0, isPromptPrefix: true }
}

function joined(prompt: readonly number[], inputIds: readonly number[]): TokenizedRow {
  const isPromptPrefix = prompt.length <= inputIds.length && prompt.every((id, index) => inputIds[index] === id)
  return { inputIds, completionStart: prompt.length, isPromptPrefix }
}

function withEnd(text: string, eosToken: string): string {
  return text.endsWith(eosToken) ? text : text + eosToken
}

function asText(row: DataRow, field: string | undefined, label: string): string {
  const value = field === undefined ? undefined : row[field]
  if (typeof value === 'string') return notTooLong(value, value.length, label, field)
  throw wrongField('a field of a row is not text', label, field, value)
}

function asMessages(row: DataRow, field: string | undefined, label: string): readonly Message[] {
  const value = field === undefined ? undefined : row[field]
  if (isMessages(value)) return notTooLong(value, characters(value), label, field)
  throw wrongField('a field of a row is not a list of messages', label, field, value)
}

const MOST_CHARACTERS = 2 ** 20 // a few hundred thousand tokens, seconds of tokenizing; rows are cut to some thousand tokens

function notTooLong<T>(value: T, length: number, label: string, field: string | undefined): T {
  if (length <= MOST_CHARACTERS) return value
  throw new EspalierError('data.row', {
    what: 'a field of a row holds more text than one row can train on',
    got: { row: label, field, characters: length, most: MOST_CHARACTERS },
    fix: 'Split it into several rows; of a long row only the first tokens, as many as the maximum length, are trained on.',
  })
}

function characters(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + (typeof content === 'string' ? content.length : 0), 0)
}

function wrongField(what: string, label: string, field: string | undefined, value: unknown): EspalierError {
  const found = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return new EspalierError('data.row', {
    what,
    got: { row: label, field, found: found === 'undefined' ? 'nothing' : found },
    fix: 'Correct or remove that row.',
  })
}
