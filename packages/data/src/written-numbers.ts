/**
 * JSON whose numbers keep what Python tells apart and a number of JavaScript does not: 1.0 from 1, and the digits of integers beyond 2^53.
 * Values are those of JSON.parse; how a number was written is known by the list or object that holds it, and goes with copies of rows.
 */

/** How a number was written: with a point or an exponent, or as an integer that a number does not hold. */
export type WrittenNumber = 'float' | bigint

const written = new WeakMap<object, Map<string, WrittenNumber>>()

/** The value of a JSON text. Throws SyntaxError as JSON.parse does. */
export function parseJsonText(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (typeof value === 'object' && value !== null && MAY_DIFFER.test(text)) noteNumbers(text, value)
  return value
}

/** How the number that a list or object holds was written, where that says more than the number. */
export function writtenNumber(holder: object, key: string): WrittenNumber | undefined {
  return written.get(holder)?.get(key)
}

/** Tells the same of a copy. */
export function copyWrittenNumbers(from: object, to: object): void {
  const numbers = written.get(from)
  if (numbers !== undefined) written.set(to, numbers)
}

// Where a value may stand: an integer with a point or an exponent, or of many digits. Texts hold such things too, which costs only time.
const MAY_DIFFER = /[:[,]\s*-?\d+(?:\.0+(?!\d)|(?:\.\d+)?[eE]|\d{15})/
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y
const MOST_DIGITS = 4_300 // Python's limit for integers in texts

/** Walks a text that is JSON beside its value. */
function noteNumbers(text: string, root: object): void {
  const open: { readonly holder: unknown; key: string; readonly isList: boolean }[] = []
  let isKey = false
  for (let at = 0; at < text.length; ) {
    const character = text[at] as string
    const top = open.at(-1)
    if (character === '{' || character === '[') {
      const holder = top === undefined ? root : partOf(top.holder, top.key)
      const isList = character === '['
      open.push({ holder, key: isList ? '0' : '', isList })
      isKey = !isList
      at++
    } else if (character === '}' || character === ']') {
      open.pop()
      at++
    } else if (character === ',') {
      if (top?.isList === true) top.key = String(Number(top.key) + 1)
      isKey = top?.isList === false
      at++
    } else if (character === '"') {
      const end = endOfString(text, at)
      if (isKey && top !== undefined) top.key = JSON.parse(text.slice(at, end)) as string
      isKey = false
      at = end
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = at
      const literal = (NUMBER.exec(text) as RegExpExecArray)[0]
      if (top !== undefined) note(top.holder, top.key, literal)
      at += literal.length
    } else at++
  }
}

function note(holder: unknown, key: string, literal: string): void {
  const value = partOf(holder, key)
  if (typeof value !== 'number' || !Object.is(value, Number(literal))) return // a later entry of the same key
  const isInteger = !/[.eE]/.test(literal)
  if (isInteger ? Number.isSafeInteger(value) || literal.length > MOST_DIGITS : !Number.isInteger(value)) return
  const numbers = written.get(holder as object) ?? new Map<string, WrittenNumber>()
  written.set(holder as object, numbers.set(key, isInteger ? BigInt(literal) : 'float'))
}
function partOf(holder: unknown, key: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key)
    ? (holder as Readonly<Record<string, unknown>>)[key]
    : undefined
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (text[at] === '"') return at + 1
    if (text[at] === '\\') at++
  }
}
