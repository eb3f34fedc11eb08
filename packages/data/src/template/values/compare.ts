/** Equality, order and membership, as Python decides them. */

import { Refused, typeError } from '../errors.js'
import type { Run } from '../run.js'
import { isFlat } from './characters.js'
import { iterate, iteratorOf } from './iterate.js'
import {
  countReading,
  DictValue,
  DictView,
  ListValue,
  RangeValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from './values.js'

/** A bool as the int that it is; other values unchanged. */
export function unboxed(value: Value): Value {
  return typeof value === 'boolean' ? (value ? 1n : 0n) : value
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number'
}

/** `a == b`. */
export function equals(run: Run, a: Value, b: Value): boolean {
  run.step()
  countReading(run, [a, b])
  const [left, right] = [unboxed(a), unboxed(b)]
  if (left === right) return true
  // biome-ignore lint/suspicious/noDoubleEquals: an integer and a float are compared by value
  if (isNumber(left) || isNumber(right)) return isNumber(left) && isNumber(right) && left == right
  const text = textOf(left)
  if (text !== undefined) return text === textOf(right)
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false
  return run.deeper(() => objectsEqual(run, left, right))
}

function objectsEqual(run: Run, a: object, b: object): boolean {
  if ((a instanceof ListValue && b instanceof ListValue) || (a instanceof TupleValue && b instanceof TupleValue))
    return a.items.length === b.items.length && a.items.every((item, index) => same(run, item, b.items[index] as Value))
  if (a instanceof DictValue && b instanceof DictValue) {
    if (a.entries.size !== b.entries.size) return false
    for (const [key, [, value]] of a.entries) {
      const other = b.entries.get(key)
      if (other === undefined || !same(run, value, other[1])) return false
    }
    return true
  }
  if (a instanceof RangeValue && b instanceof RangeValue)
    return (
      a.length === b.length && (a.length === 0 || a.start === b.start) && (a.length <= 1 || a.stepSize === b.stepSize)
    )
  if (a instanceof DictView && b instanceof DictView && a.kind !== 'values' && b.kind !== 'values') {
    const [left, right] = [[...a.items()], [...b.items()]]
    run.step(left.length * right.length)
    return left.length === right.length && left.every((item) => right.some((other) => same(run, item, other)))
  }
  return a instanceof UndefinedValue && b instanceof UndefinedValue
}

/** As collections compare their items: one thing equals itself, even what is not a number. */
function same(run: Run, a: Value, b: Value): boolean {
  return a === b || Object.is(a, b) || equals(run, a, b)
}

/** The order of two values: below, equal or above 0; NaN when there is none. Throws TypeError, naming the operator. */
export function order(run: Run, operator: string, a: Value, b: Value): number {
  run.step()
  countReading(run, [a, b])
  const [left, right] = [unboxed(a), unboxed(b)]
  if (isNumber(left) && isNumber(right)) {
    if (left < right) return -1
    if (left > right) return 1
    return Number.isNaN(left) || Number.isNaN(right) ? Number.NaN : 0
  }
  const [text, other] = [textOf(left), textOf(right)]
  if (text !== undefined && other !== undefined) return orderOfTexts(text, other)
  if (
    (left instanceof ListValue && right instanceof ListValue) ||
    (left instanceof TupleValue && right instanceof TupleValue)
  ) {
    const [mine, theirs] = [left.items, right.items]
    const index = mine.findIndex((item, i) => i >= theirs.length || !same(run, item, theirs[i] as Value))
    if (index < 0 || index >= theirs.length) return mine.length - theirs.length
    return run.deeper(() => order(run, operator, mine[index] as Value, theirs[index] as Value))
  }
  if (left instanceof UndefinedValue) left.fail()
  if (right instanceof UndefinedValue) right.fail()
  if (left instanceof DictView && right instanceof DictView && left.kind !== 'values' && right.kind !== 'values')
    throw new Refused('the keys of dicts are not compared as sets here')
  return typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
}

function orderOfTexts(a: string, b: string): number {
  if (a === b) return 0
  if (isFlat(a) || isFlat(b)) if (isFlat(a) && isFlat(b)) return a < b ? -1 : 1
  const [left, right] = [Array.from(a), Array.from(b)]
  const index = left.findIndex((character, i) => character !== right[i])
  if (index < 0 || index >= right.length) return left.length - right.length
  return (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0)
}

/** `item in container`. Throws TypeError. */
export function contains(run: Run, container: Value, item: Value): boolean {
  const text = textOf(container)
  if (text !== undefined) {
    const part = textOf(item)
    if (part === undefined) typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    countReading(run, [text])
    return text.includes(part)
  }
  if (container instanceof DictValue) return container.get(run, item) !== undefined
  if (container instanceof DictView && container.kind === 'keys') return container.dict.get(run, item) !== undefined
  if (iteratorOf(container) === undefined) typeError(`argument of type '${typeName(container)}' is not iterable`)
  for (const other of iterate(run, container)) if (same(run, other, item)) return true
  return false
}

/** Values in ascending order, equal ones in the order in which they came; descending where reverse is set. */
export function sorted(
  run: Run,
  values: readonly Value[],
  keyOfValue: (value: Value) => Value,
  reverse: boolean,
): Value[] {
  const keyed = values.map((value) => ({ value, key: keyOfValue(value) }))
  // Python sorts a reversed list and reverses it back, so that equal values keep their order.
  keyed.sort((a, b) => (reverse ? order(run, '<', b.key, a.key) : order(run, '<', a.key, b.key)) || 0)
  return keyed.map(({ value }) => value)
}
