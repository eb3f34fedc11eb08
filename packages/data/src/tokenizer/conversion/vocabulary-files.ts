/** Vocabularies in files of their own: vocab.txt, vocab.json with merges.txt, and the merges of SentencePiece's pieces. */
import { asTokenId, fileError, parseObject } from '../json-value.js'
import type { Piece } from './sentence-piece.js'

/** Lines as tokens, each with the number of its line; of a token that stands twice the last counts, as in the Rust library. */
export function readVocabularyLines(text: string): Record<string, number> {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const tokens = new Map(lines.map((line, index) => [line.replace(TRAILING_SPACE, ''), index]))
  return Object.fromEntries(tokens)
}

// White_Space of Unicode, which is what Rust trims.
const TRAILING_SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/u

/** vocab.json as tokens with ids. Throws tokenizer.file. */
export function readVocabularyJson(file: string, text: string): Record<string, number> {
  const tokens = Object.entries(parseObject(file, text))
  return Object.fromEntries(tokens.map(([token, id]) => [token, asTokenId(file, token, id)]))
}

/** merges.txt as pairs, first merge first. Throws tokenizer.file for a line that is no pair. */
export function readMerges(file: string, text: string): [string, string][] {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const merges = lines.filter((line) => !line.startsWith('#version')).map((line) => line.split(' '))
  const broken = merges.findIndex((parts) => parts.length !== 2)
  if (broken >= 0)
    throw fileError(file, 'a merge is not a pair of tokens', { merge: broken + 1, parts: merges[broken]?.length })
  return merges as [string, string][]
}

/** Merges that make pieces of pieces, in the order of what they make; ids: the vocabulary. As transformers finds them. */
export function mergesOf(pieces: readonly Piece[], ids: ReadonlyMap<string, number>): [string, string][] {
  const merges: [string, string][] = []
  for (const { text } of pieces) {
    let left = ''
    for (const character of text) {
      const right = text.slice(left.length)
      if (left !== '' && ids.has(left) && ids.has(right)) merges.push([left, right])
      left += character
    }
  }
  return merges
}
