/** Rows of words with a label each, as features with a label per id: the first id of a word has the word's, others do not count. */

import { EspalierError } from '@espalier/core'
import type { Features } from '../collate/pad-features.js'
import type { DataRow } from '../dataset/formats.js'
import { IGNORED } from '../ignored-label.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { CutTally } from './cut-rows.js'

/** What words are tokenized with. */
export interface WordRequest {
  readonly tokenizer: Tokenizer
  readonly cut: CutTally
  /** Rows are cut to so many ids; null keeps them whole. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number | null
}

/**
 * The words of a row, each tokenized by itself as transformers does with `is_split_into_words`, between the tokenizer's special tokens.
 * labels: of each word. Throws data.row for words that are no text, and another number of labels.
 */
export function wordFeatures(
  { tokens }: DataRow,
  labels: readonly number[],
  place: string,
  { tokenizer, cut, maxLength = tokenizer.modelMaxLength }: WordRequest,
): Features {
  const words = wordsOf(tokens, labels, place)
  const { before, after } = specialTokens(tokenizer)
  const pieces = words.map((word) => tokenizer.encode(word, { addSpecialTokens: false }).inputIds)
  const ids = pieces.flat()
  const wordLabels = pieces.flatMap((own, i) => own.map((_, j) => (j === 0 ? (labels[i] as number) : IGNORED)))
  const whole = ids.length + before.length + after.length
  const room = Math.max(0, (maxLength ?? Number.POSITIVE_INFINITY) - before.length - after.length)
  cut.add({ length: whole, isCut: ids.length > room, maxLength })
  const inputIds = [...before, ...ids.slice(0, room), ...after]
  const ignored = (special: readonly number[]) => special.map(() => IGNORED)
  return {
    inputIds,
    attentionMask: inputIds.map(() => 1),
    ...(tokenizer.givesTokenTypes ? { tokenTypeIds: inputIds.map(() => 0) } : {}),
    labels: [...ignored(before), ...wordLabels.slice(0, room), ...ignored(after)],
  }
}

function wordsOf(tokens: unknown, labels: readonly number[], place: string): readonly string[] {
  const words: readonly unknown[] = Array.isArray(tokens) ? tokens : []
  if (words.length > 0 && words.length === labels.length && words.every((word) => typeof word === 'string'))
    return words as readonly string[]
  throw new EspalierError('data.row', {
    what: 'a row has no list of words with a label each',
    got: { row: place, words: words.length, labels: labels.length },
    fix: 'Give tokens, a list of texts, and as many labels',
  })
}

/** The special tokens around any text, which here is one letter. */
export function specialTokens(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const { inputIds, specialTokensMask } = tokenizer.encode('a')
  const from = specialTokensMask.indexOf(0)
  const to = specialTokensMask.lastIndexOf(0) + 1
  return { before: inputIds.slice(0, from), after: inputIds.slice(to) }
}
