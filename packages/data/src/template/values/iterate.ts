/** `iter` and `len` of values. */

import { typeError } from '../errors.js'
import type { Run } from '../run.js'
import { charactersOf, lengthOf } from './characters.js'
import {
  countReading,
  DictValue,
  DictView,
  IteratorValue,
  ListValue,
  ObjectValue,
  RangeValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from './values.js'

/** An iterator over a value's items; undefined when it has none. */
export function iteratorOf(value: Value): Iterator<Value> | undefined {
  if (value instanceof ListValue || value instanceof TupleValue) return value.items.values()
  if (value instanceof DictValue) return firstOf(value.entries.values())
  if (value instanceof IteratorValue) return value.iterator
  if (value instanceof DictView) return value.items()
  if (value instanceof RangeValue) return countOf(value)
  if (value instanceof UndefinedValue) return [].values()
  const text = textOf(value)
  return text === undefined ? undefined : charactersOf(text).values()
}

function* firstOf(pairs: Iterable<readonly [Value, Value]>): Generator<Value> {
  for (const [key] of pairs) yield key
}

/** The integers of a range. */
export function* countOf(range: RangeValue): Generator<Value> {
  for (let index = 0; index < range.length; index++) yield range.at(index)
}

/** The items of a value, one by one. Throws TypeError. */
export function* iterate(run: Run, value: Value): Generator<Value> {
  countReading(run, [value])
  const iterator = iteratorOf(value) ?? notIterable(value)
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    run.step()
    yield next.value
  }
}

/** The items of a value. Throws TypeError. */
export function itemsOf(run: Run, value: Value): readonly Value[] {
  if (value instanceof ListValue || value instanceof TupleValue) {
    run.step(value.items.length)
    return value.items
  }
  return [...iterate(run, value)]
}

/** A generator value of what a function yields; nothing runs before the first item is taken. */
export function generator(items: () => Iterator<Value>): IteratorValue {
  return new IteratorValue(
    (function* () {
      const iterator = items()
      for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value
    })(),
  )
}

function notIterable(value: Value): never {
  return typeError(`'${typeName(value)}' object is not iterable`)
}

/** The number of items; undefined when there is none. */
export function sizeOf(value: Value): number | undefined {
  const text = textOf(value)
  if (text !== undefined) return lengthOf(text)
  if (value instanceof ListValue || value instanceof TupleValue) return value.items.length
  if (value instanceof DictValue) return value.entries.size
  if (value instanceof DictView) return value.dict.entries.size
  if (value instanceof RangeValue) return value.length
  if (value instanceof UndefinedValue) return 0
  return value instanceof ObjectValue ? value.length?.() : undefined
}

/** `len`. Throws TypeError. */
export function len(value: Value): bigint {
  const size = sizeOf(value)
  return size === undefined ? typeError(`object of type '${typeName(value)}' has no len()`) : BigInt(size)
}
