/** JSON text exactly as Python's `json.dumps(value, indent=2, sort_keys=True)` writes it, so that files made on either side are the same bytes. */
import { EspalierError } from '@espalier/core'

/** Whether Python holds the number under a key as a float: JavaScript cannot tell 8 from 8.0. */
export type IsFloat = (key: string) => boolean

/** Formats plain data as Python would: two spaces of indent, sorted keys, ASCII only, no newline at the end. Throws config.value for what JSON lacks. */
export function pythonJson(value: unknown, isFloat: IsFloat = () => false): string {
  return format(value, '', '', isFloat)
}

/** A float as Python's repr writes it: 0.0, 1e-05, 1e+16. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity'
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  const sign = Object.is(value, -0) ? '-' : ''
  // Python turns to exponents below 1e-4 and from 1e16 on, JavaScript at other places.
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const digits = mantissa.replace(/[-.]/g, '')
  const minus = mantissa.startsWith('-') ? '-' : sign
  if (exponent < 0) return `${minus}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${minus}${whole}.${digits.slice(exponent + 1) || '0'}`
}

function format(value: unknown, indent: string, key: string, isFloat: IsFloat): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    const whole = Number.isInteger(value) && !isFloat(key)
    return whole ? BigInt(value).toString() : pythonFloat(value)
  }
  if (typeof value === 'string') return quote(value)
  const inner = `${indent}  `
  const block = (open: string, items: readonly string[], close: string) =>
    items.length === 0 ? `${open}${close}` : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`
  if (Array.isArray(value))
    return block(
      '[',
      value.map((item) => format(item, inner, key, isFloat)),
      ']',
    )
  if (value instanceof Set) return format([...value], indent, key, isFloat)
  if (typeof value !== 'object') {
    throw new EspalierError('config.value', {
      what: 'a value cannot be written as JSON',
      got: { key, type: typeof value },
      fix: 'Use plain data: numbers, text, lists and objects.',
    })
  }
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => byCodePoint(a, b))
  return block(
    '{',
    entries.map(([name, item]) => `${quote(name)}: ${format(item, inner, name, isFloat)}`),
    '}',
  )
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
