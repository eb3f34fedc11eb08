/** Byte-pair encoding learnt from text: a byte-level tokenizer.json as GPT-2 has it, so that no text is unknown. Source: arXiv:1508.07909. */

/** The end of a text; also fills up rows. Its id is 0. */
export const END_TOKEN = '<|end|>'

// GPT-2's pattern, which the ByteLevel pre-tokenizer applies.
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

interface Word {
  symbols: string[]
  readonly count: number
}

/** size: tokens, the end and all 256 bytes included. least: words that count as so many at least, so that they become one token. */
export interface TokenizerSizes {
  readonly size: number
  readonly maxLength: number
  readonly least: ReadonlyMap<string, number>
}

/** Texts of tokenizer.json and tokenizer_config.json, by name. */
export function trainTokenizer(
  texts: Iterable<string>,
  { size, maxLength, least }: TokenizerSizes,
): Map<string, string> {
  const bytes = byteCharacters()
  const words = countWords(texts, bytes, least)
  const tokens = [END_TOKEN, ...bytes]
  const merges: [string, string][] = []
  const pairs = new PairTable(words)
  while (tokens.length < size) {
    const best = pairs.mostFrequent()
    if (best === undefined) break
    merges.push(best)
    tokens.push(best.join(''))
    pairs.merge(best)
  }
  return new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizerJson(tokens, merges), null, 1)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(tokenizerConfig(maxLength), null, 2)}\n`],
  ])
}

/** Pairs of neighbouring symbols with their counts, kept up to date while words are merged. */
class PairTable {
  private readonly counts = new Map<string, number>()
  private readonly places = new Map<string, Set<Word>>()

  constructor(words: readonly Word[]) {
    for (const word of words) this.count(word, 1)
  }

  /** Of equally frequent pairs the one that sorts first, so that the result does not hang on the order of words. */
  mostFrequent(): [string, string] | undefined {
    let [best, most] = ['', 1]
    for (const [pair, count] of this.counts)
      if (count > most || (count === most && pair < best)) [best, most] = [pair, count]
    return best === '' ? undefined : (best.split(' ') as [string, string])
  }

  merge([left, right]: [string, string]): void {
    for (const word of [...(this.places.get(`${left} ${right}`) ?? [])]) {
      this.count(word, -1)
      const { symbols } = word
      const merged: string[] = []
      for (let i = 0; i < symbols.length; i++) {
        const joins = symbols[i] === left && symbols[i + 1] === right
        merged.push(joins ? left + right : (symbols[i] as string))
        if (joins) i++
      }
      word.symbols = merged
      this.count(word, 1)
    }
  }

  private count(word: Word, sign: 1 | -1): void {
    for (let i = 1; i < word.symbols.length; i++) {
      const pair = `${word.symbols[i - 1]} ${word.symbols[i]}`
      const count = (this.counts.get(pair) ?? 0) + sign * word.count
      if (count > 0) this.counts.set(pair, count)
      else this.counts.delete(pair)
      const places = this.places.get(pair) ?? new Set()
      if (sign > 0) places.add(word)
      else places.delete(word)
      this.places.set(pair, places)
    }
  }
}

function countWords(texts: Iterable<string>, bytes: readonly string[], least: ReadonlyMap<string, number>): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => ({
    symbols: [...new TextEncoder().encode(word)].map((byte) => bytes[byte] as string),
    count: Math.max(count, least.get(word) ?? 0),
  }))
}

/** A visible character for each byte, as GPT-2 chose them: Latin-1's printable ones stand for themselves, the others follow from 256 on. */
function byteCharacters(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCodePoint(printable ? byte : next++)
  })
}

function tokenizerJson(tokens: readonly string[], merges: readonly [string, string][]): object {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, content: END_TOKEN, ...flags }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
}

function tokenizerConfig(maxLength: number): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    eos_token: END_TOKEN,
    pad_token: END_TOKEN,
    model_max_length: maxLength,
  }
}
