/** The operators + - * / // % ** on values, as Python computes them. */

import { Raised, Refused, typeError } from '../errors.js'
import { formatPercent } from '../formats/percent-format.js'
import type { Run } from '../run.js'
import { unboxed } from './compare.js'
import { escapeHtml } from './markup.js'
import { toFloat, trueQuotient } from './numbers.js'
import { ListValue, MarkupValue, TupleValue, textOf, typeName, UndefinedValue, type Value } from './values.js'

/** A binary operator. */
export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**'

/** `a operator b`. Throws what Python raises. */
export function compute(run: Run, operator: Operator, a: Value, b: Value): Value {
  run.step()
  const [left, right] = [unboxed(a), unboxed(b)]
  if (typeof left === 'bigint' && typeof right === 'bigint') return integers(run, operator, left, right)
  const isNumeric = (value: Value): value is bigint | number => typeof value === 'number' || typeof value === 'bigint'
  if (isNumeric(left) && isNumeric(right)) return floats(operator, toFloat(left), toFloat(right))
  if (operator === '%') {
    const text = textOf(left)
    if (left instanceof MarkupValue) throw new Refused('% is not computed on escaped text here')
    if (text !== undefined) return formatPercent(run, text, b)
  }
  if (left instanceof UndefinedValue) left.fail()
  if (right instanceof UndefinedValue) right.fail()
  if (operator === '+') return joined(run, a, b)
  if (operator === '*') return repeated(run, left, right) ?? unsupported(operator, a, b)
  return unsupported(operator, a, b)
}

function unsupported(operator: Operator, a: Value, b: Value): never {
  const shown = operator === '**' ? '** or pow()' : operator
  return typeError(`unsupported operand type(s) for ${shown}: '${typeName(a)}' and '${typeName(b)}'`)
}

const SMALL = 2n ** 53n

function integers(run: Run, operator: Operator, a: bigint, b: bigint): Value {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      if (a > SMALL || a < -SMALL || b > SMALL || b < -SMALL) run.integer(bitsOf(a) + bitsOf(b))
      return a * b
    case '**':
      return integerPower(run, a, b)
  }
  if (b === 0n)
    throw new Raised('ZeroDivisionError', operator === '/' ? 'division by zero' : 'integer division or modulo by zero')
  if (operator === '/') return trueQuotient(a, b)
  const remainder = a % b
  const isAcross = remainder !== 0n && remainder < 0n !== b < 0n // Python rounds towards minus infinity
  if (operator === '//') return a / b - (isAcross ? 1n : 0n)
  return isAcross ? remainder + b : remainder
}

function bitsOf(value: bigint): number {
  return value.toString(16).length * 4
}

function integerPower(run: Run, a: bigint, b: bigint): Value {
  if (b < 0n) return floatPower(toFloat(a), toFloat(b))
  if (a !== 0n && a !== 1n && a !== -1n) run.integer(bitsOf(a) * Number(b))
  return a ** b
}

function floatPower(a: number, b: number): number {
  if (a === 0 && b < 0) throw new Raised('ZeroDivisionError', '0.0 cannot be raised to a negative power')
  if (a < 0 && Number.isFinite(a) && Number.isFinite(b) && !Number.isInteger(b))
    throw new Refused('a power of a negative number is complex')
  if (a === 1) return 1
  const power = a ** b
  if (!Number.isFinite(power) && Number.isFinite(a) && Number.isFinite(b))
    throw new Raised('OverflowError', "(34, 'Numerical result out of range')")
  return a === -1 && !Number.isFinite(b) && !Number.isNaN(b) ? 1 : power
}

function floats(operator: Operator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '**':
      return floatPower(a, b)
  }
  if (b === 0) {
    const what = { '/': 'float division by zero', '//': 'float floor division by zero', '%': 'float modulo' }[operator]
    throw new Raised('ZeroDivisionError', what)
  }
  if (operator === '/') return a / b
  let remainder = a % b
  let quotient = (a - remainder) / b
  if (remainder !== 0) {
    if (b < 0 !== remainder < 0) {
      remainder += b
      quotient -= 1
    }
  } else remainder = b < 0 ? -0 : 0
  if (operator === '%') return remainder
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

function joined(run: Run, a: Value, b: Value): Value {
  if (typeof a === 'string' && typeof b === 'string') {
    run.text(a.length + b.length)
    return a + b
  }
  const [left, right] = [textOf(a), textOf(b)]
  if (left !== undefined && right !== undefined) {
    run.text(6 * (left.length + right.length)) // the longest escape has 6 characters
    return new MarkupValue(
      (a instanceof MarkupValue ? left : escapeHtml(left)) + (b instanceof MarkupValue ? right : escapeHtml(right)),
    )
  }
  if (a instanceof ListValue && b instanceof ListValue) {
    run.step(a.items.length + b.items.length)
    return new ListValue([...a.items, ...b.items])
  }
  if (a instanceof TupleValue && b instanceof TupleValue) {
    run.step(a.items.length + b.items.length)
    return new TupleValue([...a.items, ...b.items])
  }
  if (left !== undefined || a instanceof ListValue || a instanceof TupleValue) {
    const kind = left !== undefined ? 'str' : typeName(a)
    typeError(`can only concatenate ${kind} (not "${typeName(b)}") to ${kind}`)
  }
  return unsupported('+', a, b)
}

function repeated(run: Run, a: Value, b: Value): Value | undefined {
  const isSequence = (value: Value) =>
    value instanceof ListValue || value instanceof TupleValue || textOf(value) !== undefined
  const [sequence, count] = isSequence(a) ? [a, b] : [b, a]
  if (!isSequence(sequence)) return undefined
  if (typeof count !== 'bigint') typeError(`can't multiply sequence by non-int of type '${typeName(count)}'`)
  const times = count < 0n ? 0 : Number(count)
  const text = textOf(sequence)
  if (text !== undefined) {
    run.text(text.length * times)
    const result = text === '' ? '' : text.repeat(times)
    return sequence instanceof MarkupValue ? new MarkupValue(result) : result
  }
  const { items } = sequence as ListValue | TupleValue
  run.step(items.length * times)
  const many = items.length === 0 ? [] : Array.from({ length: times }, () => items).flat()
  return sequence instanceof ListValue ? new ListValue(many) : new TupleValue(many)
}

/** `-value` or `+value`. */
export function signed(operator: '-' | '+', value: Value): Value {
  const number = unboxed(value)
  if (typeof number === 'bigint' || typeof number === 'number') return operator === '-' ? -number : number
  if (value instanceof UndefinedValue) value.fail()
  return typeError(`bad operand type for unary ${operator}: '${typeName(value)}'`)
}
