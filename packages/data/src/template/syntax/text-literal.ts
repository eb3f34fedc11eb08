/** What stands between the quotes of a text in a template. */
import { Raised, Refused } from '../errors.js'

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/** The text that a literal stands for. A backslash before anything else is itself. Throws TemplateSyntaxError. */
export function unescapeText(literal: string, line: number): string {
  return literal.replace(/\\(?:([xuU])([0-9a-fA-F]*)|([0-7]{1,3})|([\s\S]))/g, (whole, kind, hex, octal, other) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    if (other === 'N') throw new Refused('\\N{...} in a text is not read here', line)
    if (other !== undefined) return ESCAPES[other] ?? whole
    const size = DIGITS[kind] ?? 0
    const code = Number.parseInt(hex.slice(0, size), 16)
    if (hex.length < size || code > 0x10ffff)
      throw new Raised('TemplateSyntaxError', `truncated \\${kind} escape in a text`, line)
    return String.fromCodePoint(code) + hex.slice(size)
  })
}
