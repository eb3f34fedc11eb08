/** Words as rows of ids, to be labelled: as many rows as they need, none of which cuts a word that fits into one. */
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { specialTokens } from './word-features.js'

/** A row of ids, and where words begin in it. */
export interface PieceRow {
  readonly inputIds: readonly number[]
  readonly attentionMask: readonly number[]
  readonly tokenTypeIds?: readonly number[]
  /** Each word of the row by its number, and the place of its first id. */
  readonly firstOf: readonly (readonly [word: number, place: number])[]
}

/**
 * The rows of some words, each word tokenized by itself as transformers does with `is_split_into_words`; what is longer than a row goes on
 * in the next. Words that the tokenizer makes nothing of are in none. maxLength: most ids of a row, special ones included.
 */
export function pieceRows(words: readonly string[], tokenizer: Tokenizer, maxLength: number): PieceRow[] {
  const { before, after } = specialTokens(tokenizer)
  const room = Math.max(1, maxLength - before.length - after.length)
  const rows: { ids: number[]; firstOf: [number, number][] }[] = []
  for (const [word, text] of words.entries()) {
    const pieces = tokenizer.encode(text, { addSpecialTokens: false }).inputIds.slice(0, room)
    if (pieces.length === 0) continue
    const last = rows.at(-1)
    const row = last !== undefined && last.ids.length + pieces.length <= room ? last : { ids: [], firstOf: [] }
    if (row !== last) rows.push(row)
    row.firstOf.push([word, before.length + row.ids.length])
    row.ids.push(...pieces)
  }
  return rows.map(({ ids, firstOf }) => {
    const inputIds = [...before, ...ids, ...after]
    const types = tokenizer.givesTokenTypes ? { tokenTypeIds: inputIds.map(() => 0) } : {}
    return { inputIds, attentionMask: inputIds.map(() => 1), ...types, firstOf }
  })
}
