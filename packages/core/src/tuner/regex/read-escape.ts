/** What follows a backslash, and classes in brackets, in Python's regular expressions. */
import { escapeSet, withoutCase } from './code-sets.js'
import type { Flags, Reader } from './read-pattern.js'
import type { CodeSet } from './syntax.js'

/** A code point, one of the sets \d \D \w \W \s \S, or the number of a group. */
export type Escape = number | { readonly letter: string } | { readonly group: number }

/** The escape that comes next, its backslash being passed. Throws config.value. */
export function readEscape(reader: Reader, inClass = false): Escape {
  const character = reader.next()
  if (character === '') throw reader.fault('it ends with a backslash')
  if ('dDwWsS'.includes(character)) return { letter: character }
  if (inClass && character === 'b') return BACKSPACE
  const length = HEX_DIGITS[character]
  if (length !== undefined) return hexadecimal(reader, length)
  if (/[0-9]/.test(character)) return numbered(reader, character, inClass)
  const control = CONTROLS[character]
  if (control !== undefined) return control
  if (/[A-Za-z]/.test(character)) throw reader.fault(`Python knows no escape \\${character} here`)
  return character.codePointAt(0) as number
}

/** The set of a class, its [ being passed. Throws config.value. */
export function readClass(reader: Reader, flags: Flags): CodeSet {
  const negative = reader.take('^')
  const sets: CodeSet[] = []
  for (let first = true; first || reader.peek() !== ']'; first = false) {
    if (reader.peek() === '') throw reader.fault('a ] is missing')
    const low = member(reader)
    if (typeof low === 'number' && reader.take('-')) {
      if (reader.peek() === ']') sets.push((code) => code === low || code === HYPHEN)
      else sets.push(range(reader, low, member(reader)))
    } else if (typeof low === 'number') sets.push((code) => code === low)
    else {
      sets.push(low(flags))
      if (reader.take('-')) {
        if (reader.peek() !== ']') throw reader.fault('a range begins with a set')
        sets.push((code) => code === HYPHEN)
      }
    }
  }
  reader.next()
  const any: CodeSet = (code) => sets.some((set) => set(code))
  const has = flags.i ? withoutCase(any) : any
  return negative ? (code) => !has(code) : has
}

const BACKSPACE = 8
const HYPHEN = 45
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }
const LAST_CODE = 0x10ffff
const LAST_OCTAL = 0o377 // Python's limit

function member(reader: Reader): number | ((flags: Flags) => CodeSet) {
  const character = reader.next()
  if (character !== '\\') {
    const code = character.codePointAt(0)
    if (code === undefined) throw reader.fault('a ] is missing')
    return code
  }
  const escaped = readEscape(reader, true)
  if (typeof escaped === 'number') return escaped
  if ('group' in escaped) throw reader.fault('a class cannot refer to a group')
  return ({ a }) => escapeSet(escaped.letter, a) ?? (() => false)
}

function range(reader: Reader, low: number, high: number | ((flags: Flags) => CodeSet)): CodeSet {
  if (typeof high !== 'number' || high < low) throw reader.fault('a range of a class ends before it begins')
  return (code) => code >= low && code <= high
}

function hexadecimal(reader: Reader, length: number): number {
  const digits = reader.run(/[0-9A-Fa-f]/, length)
  const code = Number.parseInt(digits, 16)
  if (digits.length !== length || code > LAST_CODE)
    throw reader.fault('an escape has too few digits, or none such exists')
  return code
}

/** Python's rule: three octal digits, or a zero before others, are a code point; other numbers of one or two digits are groups. */
function numbered(reader: Reader, first: string, inClass: boolean): Escape {
  if (first === '0') return Number.parseInt(first + reader.run(/[0-7]/, 2), 8)
  const octal = /[0-7]/.test(first) ? reader.pair(/^[0-7]{2}$/) : undefined
  if (octal !== undefined) return checkedOctal(reader, Number.parseInt(first + octal, 8))
  if (inClass) {
    if (!/[0-7]/.test(first)) throw reader.fault(`Python knows no escape \\${first} here`)
    return Number.parseInt(first + reader.run(/[0-7]/, 1), 8)
  }
  return { group: Number(first + reader.run(/[0-9]/, 1)) }
}

function checkedOctal(reader: Reader, code: number): number {
  if (code > LAST_OCTAL) throw reader.fault('an octal escape is above \\377')
  return code
}
