/** `format(value, spec)`: the little language after the colon in `'{:>8.2f}'.format(x)`. */

import { Refused, typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { lengthOf, toUnits } from '../values/characters.js'
import { toFloat } from '../values/numbers.js'
import { str } from '../values/repr.js'
import { textOf, typeName, UndefinedValue, type Value } from '../values/values.js'
import { floatText } from './float-text.js'
import { floatDigits, integerDigits } from './number-format.js'

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?(.)?$/su

interface Spec {
  readonly fill: string
  readonly align: string
  readonly sign: string
  readonly alternate: boolean
  readonly width: number
  readonly grouping: string
  readonly precision: number | undefined
  readonly type: string
}

/** The value as text by a format specification. Throws what Python raises. */
export function formatValue(run: Run, value: Value, spec: string): string {
  if (spec === '' && typeof value !== 'boolean') return str(run, value)
  const text = textOf(value)
  const isNumber = typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean'
  if (text === undefined && !isNumber) {
    if (spec === '') return str(run, value)
    typeError(
      `unsupported format string passed to ${value instanceof UndefinedValue ? 'Undefined' : typeName(value)}.__format__`,
    )
  }
  if (spec === '') return str(run, value)
  const parsed = parse(spec, text === undefined ? '>' : '<')
  run.text(parsed.width)
  if (text !== undefined) return formatText(text, parsed)
  return formatNumber(run, value as bigint | number | boolean, parsed)
}

function parse(spec: string, ownAlign: string): Spec {
  const match = SPEC.exec(spec)
  if (match === null) valueError('Invalid format specifier')
  const [, fill, align, sign = '', z, alternate, zero, width, grouping = '', precision, type = ''] = match
  if (z !== undefined) throw new Refused('the z of a format is not read here')
  return {
    fill: fill ?? (zero !== undefined ? '0' : ' '),
    align: align ?? (zero !== undefined && ownAlign === '>' ? '=' : ownAlign),
    sign,
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    type,
  }
}

function formatText(text: string, spec: Spec): string {
  const { type, sign, alternate, align, precision, grouping } = spec
  if (type !== '' && type !== 's') valueError(`Unknown format code '${type}' for object of type 'str'`)
  if (sign !== '') valueError('Sign not allowed in string format specifier')
  if (alternate) valueError('Alternate form (#) not allowed in string format specifier')
  if (align === '=') valueError("'=' alignment not allowed in string format specifier")
  if (grouping !== '') valueError(`Cannot specify '${grouping}' with 's'.`)
  return padded('', precision === undefined ? text : text.slice(0, toUnits(text, precision)), spec)
}

function formatNumber(run: Run, given: bigint | number | boolean, spec: Spec): string {
  const value = typeof given === 'boolean' ? BigInt(given) : given
  const { type, alternate, precision, sign, grouping } = spec
  const isFloatType = /^[eEfFgG%]$/.test(type)
  let digits: string
  let prefix = ''
  if (typeof value === 'bigint' && !isFloatType) {
    if (precision !== undefined) valueError('Precision not allowed in integer format specifier')
    if (type === 'c' || type === 'n') throw new Refused(`the type ${type} of a format is not read here`)
    if (!/^[bdoxX]?$/.test(type)) valueError(`Unknown format code '${type}' for object of type 'int'`)
    if (grouping === ',' && /[boxX]/.test(type)) valueError(`Cannot specify ',' with '${type}'.`)
    digits = integerDigits(value, type || 'd')
    if (alternate && /[boxX]/.test(type)) prefix = `0${type}`
  } else {
    if (!isFloatType && type !== '') {
      if (type === 'n') throw new Refused('the type n of a format is not read here')
      valueError(`Unknown format code '${type}' for object of type 'float'`)
    }
    const float = toFloat(value)
    digits = type === '' ? plainFloat(run, float, spec) : floatDigits(run, float, { type, precision, alternate })
  }
  const isNegative = value < 0 || Object.is(value, -0)
  const shownSign = isNegative ? '-' : sign === '-' ? '' : sign
  return padded(shownSign + prefix, grouped(digits, spec), spec)
}

/** As `repr`; with a precision as type g, but with a digit after the point. */
function plainFloat(run: Run, value: number, { precision, alternate }: Spec): string {
  if (precision === undefined || !Number.isFinite(value)) return floatText(Math.abs(value))
  const text = floatDigits(run, value, { type: 'g', precision, alternate })
  if (/[.e]/.test(text)) return text
  if (text.length < Math.max(precision, 1)) return `${text}.0`
  return text.length === 1 ? `${text}e+00` : floatDigits(run, value, { type: 'e', precision: precision - 1, alternate })
}

function grouped(digits: string, { grouping, type, align, fill, width }: Spec): string {
  if (grouping === '') return digits
  if (align === '=' && fill === '0' && width > 0)
    throw new Refused('zeros between groups of digits are not written here')
  const size = /[boxX]/.test(type) ? 4 : 3
  const [, whole = '', rest = ''] = /^([0-9a-fA-F]+)(.*)$/s.exec(digits) ?? ['', '', digits]
  return whole.replace(new RegExp(`\\B(?=(.{${size}})+$)`, 'g'), grouping) + rest
}

function padded(sign: string, text: string, { fill, align, width }: Spec): string {
  const space = Math.max(0, width - lengthOf(sign + text))
  if (align === '<') return sign + text + fill.repeat(space)
  if (align === '=') return sign + fill.repeat(space) + text
  if (align === '>') return fill.repeat(space) + sign + text
  const left = Math.floor(space / 2)
  return fill.repeat(left) + sign + text + fill.repeat(space - left)
}
