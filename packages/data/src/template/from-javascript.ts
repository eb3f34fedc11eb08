/** Values of a program as values of a template: what Python would hold after reading the same JSON. */
import { writtenNumber } from '../written-numbers.js'
import { Refused } from './errors.js'
import { DictValue, ListValue, type Value } from './values/values.js'

const LONGEST_PLACE = 60 // characters of a place in a message
const DEEPEST = 200 // values in values; one that holds itself goes deeper

/** The value. place: names it in an error. Throws Refused for what JSON has not, and for integers beyond 2^53, whose digits are lost. */
export function fromJavaScript(value: unknown, place: string, depth = 0): Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'undefined':
      return null
    case 'number':
      return numberFrom(value, place)
    case 'object':
      if (value === null) return null
      if (depth > DEEPEST)
        throw new Refused(`${place.slice(0, LONGEST_PLACE)}... holds values more than ${DEEPEST} levels deep`)
      return objectFrom(value, place, depth + 1)
  }
  throw new Refused(`${place} is a ${typeof value}; templates are given what JSON can hold`)
}

function numberFrom(value: number, place: string): Value {
  if (!Number.isInteger(value)) return value
  if (Number.isSafeInteger(value)) return BigInt(value)
  throw new Refused(`${place} is an integer beyond 2^53, whose last digits are lost; give it as a bigint or as text`)
}

function objectFrom(value: object, place: string, depth: number): Value {
  if (Array.isArray(value))
    return new ListValue(
      Array.from(value, (item, index) => partFromJavaScript(value, String(index), item, `${place}[${index}]`, depth)),
    )
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw new Refused(`${place} is a ${value.constructor?.name ?? 'class'}; templates are given what JSON can hold`)
  const dict = new DictValue()
  for (const [key, item] of Object.entries(value))
    if (item !== undefined) dict.entries.set(key, [key, partFromJavaScript(value, key, item, `${place}.${key}`, depth)])
  return dict
}

/** A part of a list or object; a number as it was written in a file. */
export function partFromJavaScript(holder: object, key: string, item: unknown, place: string, depth = 0): Value {
  const number = typeof item === 'number' ? writtenNumber(holder, key) : undefined
  if (number === 'float') return item as number
  return number !== undefined && Number(number) === item ? number : fromJavaScript(item, place, depth)
}
