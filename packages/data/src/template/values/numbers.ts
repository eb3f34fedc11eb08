/** Conversions between the numbers of Python, and reading numbers from text. */

import { Raised, Refused, typeError, valueError } from '../errors.js'
import { exactRatio, roundRatio } from '../formats/float-text.js'
import { strip } from './characters.js'
import { quoted } from './repr.js'
import { textOf, typeName, UndefinedValue, type Value } from './values.js'

/** The nearest float. Throws OverflowError. */
export function toFloat(value: bigint | number): number {
  const float = Number(value)
  if (typeof value === 'bigint' && !Number.isFinite(float))
    throw new Raised('OverflowError', 'int too large to convert to float')
  return float
}

const EXACT = 2n ** 53n

/** a / b, rounded once. b: not 0. */
export function trueQuotient(a: bigint, b: bigint): number {
  if (a <= EXACT && a >= -EXACT && b <= EXACT && b >= -EXACT) return Number(a) / Number(b)
  const isNegative = a < 0n !== b < 0n
  const [dividend, divisor] = [a < 0n ? -a : a, b < 0n ? -b : b]
  const shift = BigInt(Math.max(0, 66 + divisor.toString(2).length - dividend.toString(2).length))
  const quotient = ((dividend << shift) / divisor) | ((dividend << shift) % divisor === 0n ? 0n : 1n)
  const size = Number(quotient) * 2 ** -Number(shift)
  if (!Number.isFinite(size)) throw new Raised('OverflowError', 'integer division result too large for a float')
  return isNegative ? -size : size
}

/** A finite float without what follows its point. Throws as Python does for others. */
export function truncated(value: number): bigint {
  if (Number.isNaN(value)) valueError('cannot convert float NaN to integer')
  if (!Number.isFinite(value)) throw new Raised('OverflowError', 'cannot convert float infinity to integer')
  return BigInt(Math.trunc(value))
}

const DIGITS = /[\p{Nd}]/gu

/** A text whose digits of every script are ASCII ones. */
function ascii(text: string): string {
  return text.replace(DIGITS, (digit) => {
    const code = digit.codePointAt(0) ?? 0
    if (code < 128) return digit
    let zero = code // the digits of a script follow each other, ten by ten
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1
    return String(code - zero)
  })
}

const PREFIXES: Readonly<Record<number, string>> = { 2: 'b', 8: 'o', 16: 'x' }

/** `int(text, base)`. Throws ValueError. */
export function parseInteger(given: string, base = 10): bigint {
  const fail = () => valueError(`invalid literal for int() with base ${base}: ${quoted(given.slice(0, LONGEST_SHOWN))}`)
  if (base !== 0 && (base < 2 || base > 36)) valueError('int() base must be >= 2 and <= 36, or 0')
  const match = /^([-+]?)(0[bBoOxX]_?)?(.*)$/s.exec(ascii(strip(given, null)))
  const [, sign = '', prefix = '', rest = ''] = match ?? []
  const letter = prefix.charAt(1).toLowerCase()
  const isPrefixed = letter !== '' && (base === 0 || PREFIXES[base] === letter)
  const radix = base !== 0 ? base : isPrefixed ? ({ b: 2, o: 8, x: 16 }[letter as 'b'] ?? 10) : 10
  const digits = isPrefixed ? rest : prefix + rest
  if (!/^[0-9a-z]+(_[0-9a-z]+)*$/i.test(digits)) fail()
  const plain = digits.replaceAll('_', '').toLowerCase()
  if (base === 0 && !isPrefixed && /^0+[1-9]/.test(plain)) fail()
  if (plain.length > 4300 && (radix & (radix - 1)) !== 0)
    valueError('Exceeds the limit (4300 digits) for integer string conversion')
  if (plain.length > MOST_DIGITS) throw new Refused(`an integer of more than ${MOST_DIGITS} digits is not read here`)
  const value = digitsOf(plain, radix) ?? fail()
  return sign === '-' ? -value : value
}

const MOST_DIGITS = 10_000 // in a base that is a power of two; others end earlier

function digitsOf(digits: string, base: number): bigint | undefined {
  const isValid = Array.from(digits).every((digit) => Number.parseInt(digit, 36) < base)
  if (!isValid) return undefined
  if (base === 10) return BigInt(digits)
  let value = 0n
  for (const digit of digits) value = value * BigInt(base) + BigInt(Number.parseInt(digit, 36))
  return value
}

const LONGEST_SHOWN = 200 // characters of a text in a message

/** `float(text)`. Throws ValueError. */
export function parseFloatText(given: string): number {
  const text = ascii(strip(given, null)).toLowerCase()
  if (/^[-+]?(inf|infinity)$/.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^[-+]?nan$/.test(text)) return Number.NaN
  const digits = '\\d+(?:_\\d+)*'
  if (!new RegExp(`^[-+]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[-+]?${digits})?$`).test(text))
    valueError(`could not convert string to float: ${quoted(given.slice(0, LONGEST_SHOWN))}`)
  return Number(text.replaceAll('_', ''))
}

/** `int(value)`. */
export function toInteger(value: Value): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') return truncated(value)
  const text = textOf(value)
  if (text !== undefined) return parseInteger(text)
  if (value instanceof UndefinedValue) value.fail()
  return typeError(`int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`)
}

/** `float(value)`. */
export function asFloat(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return toFloat(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  const text = textOf(value)
  if (text !== undefined) return parseFloatText(text)
  if (value instanceof UndefinedValue) value.fail()
  return typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`)
}

/** A value where Python wants an integer (`__index__`), as a number a double holds, far ends cut. */
export function toIndex(value: Value, what = 'an integer'): number {
  if (typeof value === 'bigint' || typeof value === 'boolean') {
    const limit = Number.MAX_SAFE_INTEGER
    return Math.max(-limit, Math.min(limit, Number(value)))
  }
  if (value instanceof UndefinedValue && what !== 'an integer') typeError(what)
  return typeError(what === 'an integer' ? `'${typeName(value)}' object cannot be interpreted as an integer` : what)
}

/** `round(value, digits)`; digits null: to an integer. */
export function rounded(value: Value, digits: bigint | null): Value {
  const number = typeof value === 'boolean' ? BigInt(value) : value
  if (typeof number === 'bigint') {
    if (digits === null || digits >= 0n) return number
    const unit = 10n ** -digits
    return roundRatio(number, unit) * unit
  }
  if (value instanceof UndefinedValue) typeError("type Undefined doesn't define __round__ method")
  if (typeof number !== 'number') return typeError(`type ${typeName(value)} doesn't define __round__ method`)
  if (digits === null) {
    truncated(number) // raises for what is no finite number
    return roundRatio(...exactRatio(number))
  }
  if (!Number.isFinite(number) || digits > 323n) return number
  if (digits < -308n) return number < 0 ? -0 : 0
  const [numerator, denominator] = exactRatio(number)
  const isUp = digits >= 0n
  const scaled = isUp
    ? roundRatio(numerator * 10n ** digits, denominator)
    : roundRatio(numerator, denominator * 10n ** -digits)
  const result = Number(`${scaled}e${-digits}`)
  if (!Number.isFinite(result)) throw new Raised('OverflowError', 'rounded value too large to represent')
  return result === 0 && (number < 0 || Object.is(number, -0)) ? -0 : result
}
