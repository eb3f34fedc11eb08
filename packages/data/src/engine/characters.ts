/** Kinds of characters as the Rust library tells them apart; its tables are of other Unicode versions than JavaScript's. */
import { APART, BERT_MARKS, CLEANED, MARKS, NEWER, PUNCTUATION } from './unicode-tables.js'

/** White space of Unicode: JavaScript's \s and trim take U+FEFF for it and not U+0085. */
export const SPACES = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

/** A table of unicode-tables.ts as the inside of a character class. */
export function classOf(table: string): string {
  let end = 0
  const ranges = table.split(' ').map((entry) => {
    const [distance = '0', length] = entry.split('-')
    const first = end + Number.parseInt(distance, 36)
    end = first + (length === undefined ? 0 : Number.parseInt(length, 36))
    return length === undefined ? escaped(first) : `${escaped(first)}-${escaped(end)}`
  })
  return ranges.join('')
}

const escaped = (code: number) => `\\u{${code.toString(16)}}`

/** Characters newer than the Unicode of the library's expressions: no letters, no digits, nothing to it. */
export const newer = classOf(NEWER)

/** What \w is to Rust's expressions, without the newest characters. */
export const wordClass = `[[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]--[${newer}]]`

const made = new Map<string, RegExp>()

/** An expression made once, when it is first needed. */
export function expression(source: string, flags: string): RegExp {
  const key = `${flags}/${source}`
  const known = made.get(key)
  if (known !== undefined) {
    known.lastIndex = 0
    return known
  }
  const value = new RegExp(source, flags)
  made.set(key, value)
  return value
}

/** Punctuation, one character each; ASCII symbols count. */
export const punctuation = () => expression(`[${classOf(PUNCTUATION)}]`, 'gu')
/** Numbers of all scripts: digits, and letters and fractions that stand for numbers. */
export const numbers = () => expression('\\p{N}', 'gu')
export const whiteSpace = () => expression(`[${SPACES}]`, 'gu')
/** What clean_text of BERT takes out. */
export const cleaned = () => expression(`[${classOf(CLEANED)}]`, 'gu')
export const bertMarks = () => expression(`[${classOf(BERT_MARKS)}]`, 'gu')
export const marks = () => expression(`[${classOf(MARKS)}]`, 'gu')
/** Words and runs of other visible characters: the Whitespace pre-tokenizer. */
export const words = () => expression(`${wordClass}+|[^${wordClass}${SPACES}]+`, 'gv')

const ASCII = /^[\0-\x7f]*$/

/** A Unicode normal form. Characters that the library's older tables lack are left alone, and nothing composes with them. */
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  if (ASCII.test(text)) return text
  const apart = expression(`([${classOf(APART)}]+)`, 'u')
  return text
    .split(apart)
    .map((part, index) => (index % 2 === 0 ? part.normalize(form) : part))
    .join('')
}

/** Lower case character by character: JavaScript's writes a final sigma otherwise. */
export function lowerCase(text: string): string {
  if (!text.includes('Σ')) return text.toLowerCase()
  return Array.from(text, (character) => character.toLowerCase()).join('')
}

/** GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards. */
export const characterOfByte: readonly string[] = byteAlphabet()
/** The byte that a character of GPT-2's alphabet stands for. */
export const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  characterOfByte.map((character, byte) => [character, byte]),
)

function byteAlphabet(): string[] {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
}

const encoder = new TextEncoder()

/** The bytes of a text in GPT-2's alphabet. */
export function spellBytes(text: string): string {
  let spelled = ''
  for (const byte of encoder.encode(text)) spelled += characterOfByte[byte]
  return spelled
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}
