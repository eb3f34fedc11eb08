/** WordPiece: the longest token that begins what is left of a word; a word that does not work out is unknown as a whole. */
import { asString, type JsonObject } from '../tokenizer/json-value.js'
import { countAt, FILE } from './component.js'
import { type Model, noToken, plainSpelling } from './model.js'
import { remember } from './remember.js'

/** WordPiece as `model` describes it; ids: its vocabulary. */
export function parseWordPiece(model: JsonObject, ids: ReadonlyMap<string, number>): Model {
  const unknown = asString(FILE, 'model.unk_token', model.unk_token ?? '[UNK]')
  const prefix = asString(FILE, 'model.continuing_subword_prefix', model.continuing_subword_prefix ?? '##')
  const longestWord =
    model.max_input_chars_per_word === undefined ? 100 : countAt(model, 'model', 'max_input_chars_per_word')
  let longestToken = 0
  for (const token of ids.keys()) longestToken = Math.max(longestToken, token.length)

  const unknownWord = (word: string): number[] => {
    const id = ids.get(unknown)
    if (id === undefined) throw noToken(word, unknown)
    return [id]
  }
  const encode = remember((word: string): readonly number[] => {
    if (word.length > longestWord && Array.from(word).length > longestWord) return unknownWord(word)
    const found: number[] = []
    for (let start = 0; start < word.length; ) {
      let end = Math.min(word.length, start + longestToken)
      let id: number | undefined
      for (; end > start; end--) {
        id = ids.get((start > 0 ? prefix : '') + word.slice(start, end))
        if (id !== undefined) break
      }
      if (id === undefined) return unknownWord(word)
      found.push(id)
      start = end
    }
    return found
  })
  return { encode, spelling: { prefix, suffix: '', unknown, unknownSpan: 'piece' } }
}

/** Whole words only; ids: the vocabulary. */
export function parseWordLevel(model: JsonObject, ids: ReadonlyMap<string, number>): Model {
  const unknown = asString(FILE, 'model.unk_token', model.unk_token ?? '<unk>')
  return {
    spelling: { ...plainSpelling, unknown, unknownSpan: 'piece' },
    encode: (word) => {
      const id = ids.get(word) ?? ids.get(unknown)
      if (id === undefined) throw noToken(word, unknown)
      return [id]
    },
  }
}
