/** What llama.cpp's names for the ways of splitting text mean, in the words of tokenizer.json. */

/** How text becomes the pieces that merges join, and how ids are put around them. */
export interface PreTokenizer {
  readonly normalizer: unknown
  readonly preTokenizer: unknown
  /** Whether a piece that is a token is taken whole, whatever its merges. */
  readonly ignoresMerges: boolean
}

const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
const BYTES_OF_WORDS = { ...BYTES, use_regex: true }

/** Words with at most three digits in a row, as OpenAI's cl100k splits them. */
const CL100K = words('\\p{N}{1,3}')
/** The same with every digit alone. */
const QWEN = words('\\p{N}')

/** By `tokenizer.ggml.pre`. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': { normalizer: null, preTokenizer: BYTES_OF_WORDS, ignoresMerges: false },
  smollm: {
    normalizer: null,
    preTokenizer: sequence({ type: 'Digits', individual_digits: true }, BYTES_OF_WORDS),
    ignoresMerges: false,
  },
  'llama-bpe': { normalizer: null, preTokenizer: split(CL100K), ignoresMerges: true },
  qwen2: { normalizer: { type: 'NFC' }, preTokenizer: split(QWEN), ignoresMerges: false },
}

function words(digits: string): string {
  return `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
}

function split(pattern: string): unknown {
  return sequence({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, BYTES)
}

function sequence(...pretokenizers: readonly unknown[]): unknown {
  return { type: 'Sequence', pretokenizers }
}
