/** Texts as Python counts them: by code points, with its whitespace, its line ends and its cases. */
import type { Run } from '../run.js'

/** Python's whitespace (`str.isspace`), as the inside of a character class. */
export const WHITESPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const SURROGATE = /[\ud800-\udfff]/
const START = new RegExp(`^[${WHITESPACE}]+`)
const SPACE = new RegExp(`[${WHITESPACE}]`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: they end lines in Python
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g

/** Whether every code point is one UTF-16 unit. */
export function isFlat(text: string): boolean {
  return !SURROGATE.test(text)
}

/** Number of code points. */
export function lengthOf(text: string): number {
  if (isFlat(text)) return text.length
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** The code points. */
export function charactersOf(text: string): readonly string[] {
  return isFlat(text) ? text.split('') : Array.from(text)
}

/** Place of a UTF-16 unit, in code points. */
export function toCodePoints(text: string, unit: number): number {
  return unit < 0 ? unit : lengthOf(text.slice(0, unit))
}

/** Place of a code point, in UTF-16 units; the text's length at and beyond its end. */
export function toUnits(text: string, codePoint: number): number {
  if (isFlat(text)) return Math.min(codePoint, text.length)
  let unit = 0
  for (const character of text) {
    if (codePoint-- <= 0) return unit
    unit += character.length
  }
  return unit
}

/** Whether a character is whitespace. */
export function isSpace(character: string): boolean {
  return SPACE.test(character)
}

/** A text without what stands at its ends: whitespace, or the characters given. */
export function strip(text: string, characters: string | null, sides: 'both' | 'left' | 'right' = 'both'): string {
  const set = characters === null ? undefined : new Set(charactersOf(characters))
  const goes = (character: string) => (set === undefined ? isSpace(character) : set.has(character))
  let start = 0
  let end = text.length
  if (sides !== 'right')
    for (let next = characterAt(text, start); next !== '' && goes(next); next = characterAt(text, start))
      start += next.length
  if (sides !== 'left')
    for (let last = characterBefore(text, end); end > start && goes(last); last = characterBefore(text, end))
      end -= last.length
  return text.slice(start, end)
}

function characterAt(text: string, unit: number): string {
  const codePoint = text.codePointAt(unit)
  return codePoint === undefined ? '' : String.fromCodePoint(codePoint)
}

/** The character that ends at a place; empty at the beginning. */
export function characterBefore(text: string, unit: number): string {
  const pair = unit >= 2 ? characterAt(text, unit - 2) : ''
  return pair.length === 2 ? pair : text.charAt(unit - 1)
}

/** The words between whitespace, at most so many splits; -1: all. */
export function splitWords(run: Run, text: string, most: number): string[] {
  const words: string[] = []
  let rest = text.replace(START, '')
  while (rest !== '') {
    run.step(2)
    const at = words.length === most ? -1 : rest.search(SPACE)
    if (at < 0) {
      words.push(rest)
      break
    }
    words.push(rest.slice(0, at))
    rest = rest.slice(at).replace(START, '')
  }
  return words
}

/** The parts between separators. by: not empty. */
export function splitText(run: Run, text: string, by: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let at = text.indexOf(by); at >= 0; at = text.indexOf(by, start)) {
    run.step()
    parts.push(text.slice(start, at))
    start = at + by.length
  }
  parts.push(text.slice(start))
  return parts
}

/** The lines; with their ends where they are kept. */
export function splitLines(run: Run, text: string, keepsEnds = false): string[] {
  const lines: string[] = []
  let start = 0
  for (const match of text.matchAll(LINE_END)) {
    run.step()
    const end = match.index + match[0].length
    lines.push(text.slice(start, keepsEnds ? end : match.index))
    start = end
  }
  if (start < text.length) lines.push(text.slice(start))
  return lines
}

// Characters whose title case is not their upper case, each before its title case; Georgian letters keep theirs.
const TITLES = new Map(
  (
    'ßSs Ǆǅ ǅǅ ǆǅ Ǉǈ ǈǈ ǉǈ Ǌǋ ǋǋ ǌǋ Ǳǲ ǲǲ ǳǲ ևԵւ ᾀᾈ ᾁᾉ ᾂᾊ ᾃᾋ ᾄᾌ ᾅᾍ ᾆᾎ ᾇᾏ ᾈᾈ ᾉᾉ ᾊᾊ ᾋᾋ ᾌᾌ ᾍᾍ ᾎᾎ ᾏᾏ ᾐᾘ ᾑᾙ ᾒᾚ ᾓᾛ ᾔᾜ ᾕᾝ ᾖᾞ ᾗᾟ ᾘᾘ ᾙᾙ ' +
    'ᾚᾚ ᾛᾛ ᾜᾜ ᾝᾝ ᾞᾞ ᾟᾟ ᾠᾨ ᾡᾩ ᾢᾪ ᾣᾫ ᾤᾬ ᾥᾭ ᾦᾮ ᾧᾯ ᾨᾨ ᾩᾩ ᾪᾪ ᾫᾫ ᾬᾬ ᾭᾭ ᾮᾮ ᾯᾯ ᾲᾺͅ ᾳᾼ ᾴΆͅ ᾷᾼ͂ ᾼᾼ ῂῊͅ ῃῌ ῄΉͅ ῇῌ͂ ῌῌ ῲῺͅ ῳῼ ῴΏͅ ῷῼ͂ ῼῼ ﬀFf ' +
    'ﬁFi ﬂFl ﬃFfi ﬄFfl ﬅSt ﬆSt ﬓՄն ﬔՄե ﬕՄի ﬖՎն ﬗՄխ'
  )
    .split(' ')
    .map((pair) => [pair.slice(0, 1), pair.slice(1)] as const),
)
const GEORGIAN = /[\u10d0-\u10ff]/
const CASED = /[\p{Lowercase}\p{Uppercase}\p{Lt}]/u

/** A character at the beginning of a word. */
export function titleCase(character: string): string {
  return TITLES.get(character) ?? (GEORGIAN.test(character) ? character : character.toUpperCase())
}

/** A text whose first character is in title case and whose others are in lower case. */
export function capitalize(text: string): string {
  const [first = ''] = text
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length)
}

/** A text whose words begin in title case, as `str.title`. */
export function titleWords(text: string): string {
  const lower = text.toLowerCase() // as a whole: a final sigma is another letter
  let [result, at, isInWord] = ['', 0, false]
  for (const character of text) {
    const length = character.toLowerCase().length
    result += isInWord ? lower.slice(at, at + length) : titleCase(character)
    at += length
    isInWord = CASED.test(character)
  }
  return result
}
