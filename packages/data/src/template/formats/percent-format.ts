/** `text % values`: formatting as by C's printf. */

import { Raised, Refused, typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { charactersOf, lengthOf, toUnits } from '../values/characters.js'
import { asFloat, toIndex, truncated } from '../values/numbers.js'
import { repr, str } from '../values/repr.js'
import {
  countReading,
  DictValue,
  ListValue,
  MarkupValue,
  RangeValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from '../values/values.js'
import { floatDigits, integerDigits } from './number-format.js'

const DIRECTIVE = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?(.)?/gsu

const PREFIXES: Readonly<Record<string, string>> = { x: '0x', X: '0X', o: '0o' }

interface Directive {
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  readonly type: string
}

/** The text with the values in the places of its directives. Throws what Python raises. */
export function formatPercent(run: Run, format: string, values: Value): string {
  countReading(run, [format])
  if (/%\([^()]*[()]/.test(format.replace(/%\([^()]*\)/g, '')))
    throw new Refused('brackets in a key of % are not read here')
  const items = values instanceof TupleValue ? values.items : [values]
  let next = 0
  const take = (): Value => {
    if (next >= items.length) typeError('not enough arguments for format string')
    return items[next++] as Value
  }
  let isByKey = false
  const number = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    if (text !== '*') return Number(text)
    const given = take()
    return typeof given === 'bigint' ? toIndex(given) : typeError('* wants int')
  }
  let [result, end] = ['', 0]
  for (const match of format.matchAll(DIRECTIVE)) {
    const [whole, key, flags = '', width, precision, type] = match
    result += format.slice(end, match.index)
    end = match.index + whole.length
    if (type === undefined) valueError('incomplete format')
    if (type === '%' && key === undefined) {
      result += '%'
      continue
    }
    const given = number(width) ?? 0
    const directive = {
      flags: given < 0 ? `${flags}-` : flags,
      width: Math.abs(given),
      precision: number(precision),
      type,
    }
    let value: Value
    if (key === undefined) value = take()
    else {
      if (!(values instanceof DictValue)) typeError('format requires a mapping')
      isByKey = true
      const found = values.get(run, key)
      value = found === undefined ? missingKey(key) : found
    }
    const text = converted(run, directive, value)
    run.text(text.length)
    result += text
  }
  // Values with keys or places need not be used.
  const isMapping = [DictValue, ListValue, RangeValue, UndefinedValue].some((kind) => values instanceof kind)
  if (next < items.length && !isByKey && !isMapping) typeError('not all arguments converted during string formatting')
  run.text(format.length)
  result += format.slice(end)
  return result
}

function missingKey(key: string): never {
  throw new Raised('KeyError', `'${key}'`)
}

function converted(run: Run, directive: Directive, value: Value): string {
  const { flags, type, precision, width } = directive
  run.text(width)
  const pad = (sign: string, digits: string, isNumber: boolean) => {
    const space = width - lengthOf(sign + digits)
    if (space <= 0) return sign + digits
    if (flags.includes('-')) return sign + digits + ' '.repeat(space)
    return isNumber && flags.includes('0') ? sign + '0'.repeat(space) + digits : ' '.repeat(space) + sign + digits
  }
  const cut = (text: string) => (precision === undefined ? text : text.slice(0, toUnits(text, precision)))
  switch (type) {
    case 's':
      if (value instanceof MarkupValue) throw new Refused('escaped text is not formatted by % here')
      return pad('', cut(str(run, value)), false)
    case 'r':
      return pad('', cut(repr(run, value)), false)
    case 'c':
      return pad('', character(value), false)
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      const integer = integerOf(value, type)
      const digits = integerDigits(integer, type).padStart(Math.min(precision ?? 0, 10_000), '0')
      const prefix = flags.includes('#') ? (PREFIXES[type] ?? '') : ''
      return pad(signOf(integer < 0n, flags) + prefix, digits, true)
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      const float = floatOf(value)
      const digits = floatDigits(run, float, { type, precision, alternate: flags.includes('#') })
      return pad(signOf(float < 0 || Object.is(float, -0), flags), digits, true)
    }
    case 'a':
      throw new Refused('%a is not computed here')
  }
  return valueError(`unsupported format character '${type}'`)
}

function signOf(isNegative: boolean, flags: string): string {
  return isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
}

function character(value: Value): string {
  if (typeof value === 'bigint' || typeof value === 'boolean') {
    const code = Number(value)
    if (!(code >= 0 && code < 0x110000)) throw new Raised('OverflowError', '%c arg not in range(0x110000)')
    return String.fromCodePoint(code)
  }
  const text = textOf(value)
  return text !== undefined && charactersOf(text).length === 1 ? text : typeError('%c requires int or char')
}

function integerOf(value: Value, type: string): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && /[diu]/.test(type)) return truncated(value)
  return typeError(
    /[diu]/.test(type)
      ? `%${type} format: a real number is required, not ${typeName(value)}`
      : `%${type} format: an integer is required, not ${typeName(value)}`,
  )
}

function floatOf(value: Value): number {
  if (textOf(value) !== undefined) typeError(`must be real number, not ${typeName(value)}`)
  return asFloat(value)
}
