/** A number by a type and a precision, before padding: what `%` and `format` share. */
import { typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { exponentText, fixedText, floatText, scientificDigits } from './float-text.js'

/** How a float is written. */
export interface FloatStyle {
  readonly type: string
  /** Digits; undefined: as the type has it. */
  readonly precision: number | undefined
  /** Keeps the point and the zeros at the end. */
  readonly alternate: boolean
}

const DIGITS = 6 // where no precision is given

/** The size of a float, without its sign. */
export function floatDigits(run: Run, value: number, { type, precision, alternate }: FloatStyle): string {
  const kind = type.toLowerCase()
  const isUpper = type !== kind
  const digits = precision ?? DIGITS
  run.text(digits + 400)
  run.step(digits)
  if (digits > 10_000) valueError('precision too big')
  let text: string
  if (!Number.isFinite(value)) text = floatText(Math.abs(value)) + (kind === '%' ? '%' : '')
  else if (kind === 'f') text = fixedText(value, digits) + (alternate && digits === 0 ? '.' : '')
  else if (kind === '%') text = `${fixedText(value * 100, digits)}${alternate && digits === 0 ? '.' : ''}%`
  else if (kind === 'e') {
    const [all, power] = scientificDigits(value, digits)
    text = `${pointed(all, alternate)}e${exponentText(power)}`
  } else text = general(value, digits === 0 ? 1 : digits, alternate)
  return isUpper ? text.toUpperCase() : text
}

function pointed(digits: string, alternate: boolean): string {
  const rest = digits.slice(1)
  return rest === '' && !alternate ? digits : `${digits.charAt(0)}.${rest}`
}

function general(value: number, digits: number, alternate: boolean): string {
  const [all, power] = scientificDigits(value, digits - 1)
  const trimmed = alternate ? all : all.replace(/0+$/, '') || '0'
  if (power < -4 || power >= digits) return `${pointed(trimmed, alternate)}e${exponentText(power)}`
  if (power < 0) return `0.${'0'.repeat(-power - 1)}${trimmed}`
  const whole = all.slice(0, power + 1)
  const rest = trimmed.slice(power + 1)
  return rest === '' && !alternate ? whole : `${whole}.${rest}`
}

/** The size of an integer in the base of a type: d, x, X, o, b. */
export function integerDigits(value: bigint, type: string): string {
  const size = value < 0n ? -value : value
  const bases: Readonly<Record<string, number>> = { d: 10, i: 10, u: 10, n: 10, x: 16, X: 16, o: 8, b: 2 }
  const base = bases[type]
  if (base === undefined) typeError(`unknown type '${type}'`)
  const text = size.toString(base)
  if (base === 10 && text.length > 4300) valueError('Exceeds the limit (4300 digits) for integer string conversion')
  return type === 'X' ? text.toUpperCase() : text
}
