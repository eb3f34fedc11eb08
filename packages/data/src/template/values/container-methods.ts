/** The methods of dict, list, tuple and range, and the attributes of numbers. */

import { Refused, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { equals } from './compare.js'
import { itemsOf } from './iterate.js'
import { toIndex } from './numbers.js'
import { repr } from './repr.js'
import { type Definition, method } from './signature.js'
import { CallableValue, DictValue, DictView, ListValue, RangeValue, TupleValue, type Value } from './values.js'

function copyOf(run: Run, dict: DictValue): DictValue {
  run.step(dict.entries.size)
  const copy = new DictValue()
  for (const [key, pair] of dict.entries) copy.entries.set(key, pair)
  return copy
}

const dictMethods: Readonly<Record<string, Definition>> = {
  get: {
    parameters: ['self', 'key', ['default', null]],
    isPositional: true,
    run: (run, self, key = null, fallback = null) => {
      const value = (self as DictValue).get(run, key)
      return value === undefined ? fallback : value
    },
  },
  keys: viewing('keys'),
  values: viewing('values'),
  items: viewing('items'),
  copy: { parameters: ['self'], isPositional: true, run: (run, self) => copyOf(run, self as DictValue) },
  fromkeys: {
    parameters: ['self', 'iterable', ['value', null]],
    isPositional: true,
    run: (run, _self, keys, value) => {
      const dict = new DictValue()
      for (const key of itemsOf(run, keys ?? null)) dict.set(run, key, value ?? null)
      return dict
    },
  },
}

function viewing(kind: DictView['kind']): Definition {
  return { parameters: ['self'], isPositional: true, run: (_run, self) => new DictView(self as DictValue, kind) }
}

const sequenceMethods: Readonly<Record<string, Definition>> = {
  count: {
    parameters: ['self', 'value'],
    isPositional: true,
    run: (run, self, value) =>
      BigInt(itemsOf(run, self as Value).filter((item) => equals(run, item, value ?? null)).length),
  },
  index: {
    parameters: ['self', 'value', ['start', 0n], ['stop', BigInt(Number.MAX_SAFE_INTEGER)]],
    isPositional: true,
    run: (run, self, value, start, stop) => {
      const items = itemsOf(run, self as Value)
      const place = (given: Value | undefined) => {
        const index = toIndex(given ?? null)
        return index < 0 ? Math.max(0, index + items.length) : index
      }
      const [from, to] = [place(start), place(stop)]
      const at = items.findIndex((item, i) => i >= from && i < to && equals(run, item, value ?? null))
      return at < 0 ? valueError(`${repr(run, value ?? null)} is not in list`) : BigInt(at)
    },
  },
}

const listMethods: Readonly<Record<string, Definition>> = {
  ...sequenceMethods,
  copy: {
    parameters: ['self'],
    isPositional: true,
    run: (_run, self) => new ListValue((self as ListValue).items),
  },
}

/** What changes a dict or a list: the sandbox refuses it. */
export const changes = {
  dict: new Set(['clear', 'pop', 'popitem', 'setdefault', 'update']),
  list: new Set(['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove']),
}

/** An attribute of a dict, list, tuple, range or number; undefined when Python has none. */
export function containerAttribute(run: Run, value: Value, name: string): Value | undefined {
  if (value instanceof DictValue) return bound(dictMethods, value, name)
  if (value instanceof ListValue) return bound(listMethods, value, name)
  if (value instanceof TupleValue) {
    const named = value.names.indexOf(name)
    return named >= 0 ? value.items[named] : bound(sequenceMethods, value, name)
  }
  if (value instanceof RangeValue) {
    if (name === 'start' || name === 'stop') return value[name]
    return name === 'step' ? value.stepSize : bound(sequenceMethods, value, name)
  }
  if (value instanceof DictView && ((name === 'isdisjoint' && value.kind !== 'values') || name === 'mapping'))
    return refused(name)
  if (typeof value === 'boolean') return numberAttribute(run, value ? 1n : 0n, name)
  return typeof value === 'bigint' || typeof value === 'number' ? numberAttribute(run, value, name) : undefined
}

const INTEGER_METHODS = new Set(['bit_count', 'to_bytes', 'from_bytes'])
const FLOAT_METHODS = new Set(['hex', 'fromhex'])

function numberAttribute(run: Run, value: bigint | number, name: string): Value | undefined {
  const isInteger = typeof value === 'bigint'
  if (name === 'real' || (isInteger && name === 'numerator')) return value
  if (name === 'imag') return isInteger ? 0n : 0
  if (isInteger && name === 'denominator') return 1n
  if (name === 'conjugate') return constant(name, value)
  if (isInteger && name === 'bit_length')
    return constant(name, value === 0n ? 0n : BigInt((value < 0n ? -value : value).toString(2).length))
  if (!isInteger && name === 'is_integer') return constant(name, Number.isInteger(value))
  if (name === 'as_integer_ratio') return refused(name)
  run.step()
  return (isInteger ? INTEGER_METHODS : FLOAT_METHODS).has(name) ? refused(name) : undefined
}

function constant(name: string, value: Value): Value {
  return method(name, { parameters: ['self'], isPositional: true, run: () => value }, null)
}

function bound(methods: Readonly<Record<string, Definition>>, value: Value, name: string): Value | undefined {
  const definition = Object.hasOwn(methods, name) ? methods[name] : undefined
  return definition === undefined ? undefined : method(name, definition, value)
}

/** A method that Python has and this has not; calling it is refused. */
export function refused(name: string): Value {
  return new CallableValue(name, () => {
    throw new Refused(`the method ${name} is not computed here`)
  })
}
