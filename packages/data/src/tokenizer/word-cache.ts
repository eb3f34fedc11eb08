/**
 * Remembers what the engine made of a word: the engine's own cache moves an entry at every hit, and spells out the bytes of every word
 * anew. Text repeats its words, so this is most of the time of encoding. Results are the same.
 */
import {
  BPE,
  ByteLevelPreTokenizer,
  type Tokenizer as Engine,
  PreTokenizer,
  SequencePreTokenizer,
} from '@huggingface/tokenizers'

const MOST_WORDS = 65_536 // then the memory starts afresh: some megabytes
const LONGEST_WORD = 64 // longer words hardly repeat

/** Gives one engine its caches. */
export function cacheWords(engine: Engine): void {
  if (engine.model instanceof BPE) cacheEncode(engine.model)
  if (engine.pre_tokenizer !== null) cacheBytes(engine.pre_tokenizer)
}

function cacheEncode(model: BPE): void {
  const original = model.encode.bind(model)
  const pieces = remember((word) => original([word]))
  const encode = (words: string[]): string[] => {
    const result: string[] = []
    for (const word of words) for (const piece of pieces(word)) result.push(piece)
    return result
  }
  Object.assign(model, { encode })
}

function cacheBytes(preTokenizer: unknown): void {
  if (preTokenizer instanceof SequencePreTokenizer) for (const part of preTokenizer.tokenizers) cacheBytes(part)
  if (preTokenizer instanceof PreTokenizer) splitWithoutFlat(preTokenizer)
  if (!(preTokenizer instanceof ByteLevelPreTokenizer)) return
  const { add_prefix_space: addsSpace, use_regex: splits, pattern } = preTokenizer
  const spell = remember((word) => spelledBytes(preTokenizer, word))
  const split = (text: string): string[] => {
    const spaced = addsSpace && !text.startsWith(' ') ? ` ${text}` : text
    const words = splits ? (spaced.match(pattern) ?? []) : [spaced]
    return Array.from(words, spell)
  }
  Object.assign(preTokenizer, { pre_tokenize_text: split })
}

/** The engine calls `flat` on every result, which costs more than the splitting. */
function splitWithoutFlat(preTokenizer: PreTokenizer): void {
  const splitAll = (text: string | string[], options?: object): string[] => {
    if (typeof text === 'string') return preTokenizer.pre_tokenize_text(text, options)
    const words: string[] = []
    for (const part of text) for (const word of preTokenizer.pre_tokenize_text(part, options)) words.push(word)
    return words
  }
  Object.assign(preTokenizer, { pre_tokenize: splitAll })
}

function spelledBytes({ text_encoder, byte_encoder }: ByteLevelPreTokenizer, word: string): string {
  let spelled = ''
  for (const byte of text_encoder.encode(word)) spelled += byte_encoder[byte]
  return spelled
}

function remember<T>(compute: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>()
  return (word) => {
    const found = known.get(word)
    if (found !== undefined) return found
    const value = compute(word)
    if (word.length > LONGEST_WORD) return value
    if (known.size >= MOST_WORDS) known.clear()
    known.set(word, value)
    return value
  }
}
