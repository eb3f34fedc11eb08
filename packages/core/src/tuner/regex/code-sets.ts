/** Sets of code points as Python's `re` has them for text: \d \w \s, the dot, and equality without case. */
import type { CodeSet } from './syntax.js'

/** \d, \w and \s; the ASCII ones are those of the flag `a`. */
export function escapeSet(letter: string, ascii: boolean): CodeSet | undefined {
  const name = letter.toLowerCase()
  const expression = (ascii ? ASCII : UNICODE)[name]
  if (expression === undefined) return undefined
  const has = (code: number) => expression.test(String.fromCodePoint(code))
  return letter === name ? has : (code) => !has(code)
}

/** A set that also holds the other case of its members. */
export function withoutCase(has: CodeSet): CodeSet {
  return (code) => cases(code).some(has)
}

/** A code point with its lower and upper case. */
function cases(code: number): number[] {
  const text = String.fromCodePoint(code)
  const [lower, upper] = [text.toLowerCase(), text.toUpperCase()]
  return [code, ...[lower, upper, upper.toLowerCase()].flatMap(single)]
}

/** Whether two code points are equal but for case. */
export function sameWithoutCase(a: number, b: number): boolean {
  return cases(a).includes(b) || cases(b).includes(a)
}

const UNICODE: Readonly<Record<string, RegExp>> = {
  d: /^\p{Nd}$/u,
  w: /^[\p{L}\p{N}_]$/u,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: str.isspace() holds for them
  s: /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u,
}
const ASCII: Readonly<Record<string, RegExp>> = { d: /^[0-9]$/, w: /^[A-Za-z0-9_]$/, s: /^[\t-\r ]$/ }

function single(text: string): number[] {
  const code = text.codePointAt(0)
  return code === undefined || String.fromCodePoint(code) !== text ? [] : [code]
}
