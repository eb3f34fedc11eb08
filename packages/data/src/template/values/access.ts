/** Attributes, items and slices of values as the immutable sandbox gives them, and calls. */

import { attempt, Refused, typeError, valueError } from '../errors.js'
import { formatBraces } from '../formats/brace-format.js'
import type { Run } from '../run.js'
import { charactersOf, isFlat } from './characters.js'
import { changes, containerAttribute, refused } from './container-methods.js'
import { toIndex } from './numbers.js'
import { quoted, repr } from './repr.js'
import { method } from './signature.js'
import { stringMethods } from './string-methods.js'
import { stringSplits } from './string-splits.js'
import {
  type Arguments,
  CallableValue,
  countReading,
  DictValue,
  ListValue,
  MarkupValue,
  NamespaceValue,
  ObjectValue,
  RangeValue,
  type SliceValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from './values.js'

/** `value.name`: the attribute, else the item of that name, else undefined. Throws on an undefined value. */
export function getAttribute(run: Run, value: Value, name: string): Value {
  if (value instanceof UndefinedValue && !OWN_OF_UNDEFINED.test(name)) value.fail()
  const attribute = attributeOf(run, value, name)
  if (attribute !== undefined) return attribute
  const item = itemOf(run, value, name)
  return item === undefined ? missing(run, value, name) : item
}

/** `value[key]`: the item, else, where the key is text, the attribute of that name, else undefined. Throws on an undefined value. */
export function getItem(run: Run, value: Value, key: Value): Value {
  if (value instanceof UndefinedValue) value.fail()
  const item = itemOf(run, value, key)
  if (item !== undefined) return item
  const name = textOf(key)
  const attribute = name === undefined ? undefined : attributeOf(run, value, name)
  return attribute === undefined ? missing(run, value, key) : attribute
}

// Attributes that every object of Python has; reading them is unsafe, but no use of an undefined value.
const OWN_OF_UNDEFINED =
  /^__(?:class|doc|init|module|eq|ne|str|repr|len|iter|bool|hash|call|getitem|getattr|new|dir)__$/

function isInternal(name: string): boolean {
  return name.startsWith('__') && name.endsWith('__')
}

function missing(run: Run, value: Value, key: Value): UndefinedValue {
  const owner = value === null ? 'None' : `${typeName(value)} object`
  return new UndefinedValue(
    typeof key === 'string'
      ? `${quoted(owner)} has no attribute ${quoted(key)}`
      : `${owner} has no element ${repr(run, key)}`,
  )
}

/** An attribute in Python's sense; undefined when there is none. */
export function attributeOf(run: Run, value: Value, name: string): Value | undefined {
  const isChange =
    (value instanceof DictValue && changes.dict.has(name)) || (value instanceof ListValue && changes.list.has(name))
  if (isInternal(name) || isChange)
    return new UndefinedValue(
      `access to attribute ${quoted(name)} of ${quoted(typeName(value))} object is unsafe.`,
      'SecurityError',
    )
  countReading(run, [value]) // what a method will do with it
  if (typeof value === 'string') return textAttribute(value, name)
  if (value instanceof MarkupValue) {
    if (textAttribute(value.text, name) === undefined && name !== 'unescape' && name !== 'striptags') return undefined
    return refused(`${name} of escaped text`)
  }
  if (value instanceof NamespaceValue) return value.attributes.get(run, name)
  if (value instanceof ObjectValue) return value.attribute(run, name)
  if (value instanceof CallableValue) return value.attributes.get(name)
  return containerAttribute(run, value, name)
}

const OTHER_TEXT_METHODS = new Set(['encode', 'translate', 'maketrans'])

function textAttribute(text: string, name: string): Value | undefined {
  const definition = Object.hasOwn(stringMethods, name)
    ? stringMethods[name]
    : Object.hasOwn(stringSplits, name)
      ? stringSplits[name]
      : undefined
  if (definition !== undefined) return method(name, definition, text)
  if (name === 'format') return new CallableValue(name, (run, args) => formatBraces(run, text, args, reach))
  if (name === 'format_map') return new CallableValue(name, (run, args) => formatMap(run, text, args))
  return OTHER_TEXT_METHODS.has(name) ? refused(name) : undefined
}

const reach = { attribute: getAttribute, item: getItem }

function formatMap(run: Run, text: string, { positional, named }: Arguments): Value {
  if (named.size > 0) typeError('format_map() takes no keyword arguments')
  if (positional.length !== 1) typeError(`format_map() takes exactly one argument (${positional.length} given)`)
  const [dict] = positional
  if (!(dict instanceof DictValue)) throw new Refused('format_map takes only a dict here')
  const values = new Map<string, Value>()
  for (const [key, value] of dict.entries.values()) if (typeof key === 'string') values.set(key, value)
  return formatBraces(run, text, { positional: [], named: values }, reach)
}

/** `value[key]` in Python's sense; undefined where Python raises TypeError or LookupError. */
function itemOf(run: Run, value: Value, key: Value): Value | undefined {
  if (value instanceof DictValue)
    return attempt(
      () => value.get(run, key),
      ['TypeError'],
      () => undefined,
    )
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined
  const index = toIndex(key)
  const text = textOf(value)
  if (text !== undefined) {
    countReading(run, [text])
    if (isFlat(text)) return text.charAt(index < 0 ? index + text.length : index) || undefined
    return charactersOf(text).at(index)
  }
  if (value instanceof ListValue || value instanceof TupleValue) return value.items.at(index)
  if (value instanceof RangeValue) {
    const place = index < 0 ? index + value.length : index
    return place >= 0 && place < value.length ? value.at(place) : undefined
  }
  return undefined
}

/** `value[start:stop:step]`. Throws TypeError, ValueError. */
export function slice(run: Run, value: Value, { start, stop, stepSize }: SliceValue): Value {
  if (value instanceof UndefinedValue) value.fail()
  const text = textOf(value)
  if (!isSliceable(value))
    typeError(
      value instanceof DictValue ? "unhashable type: 'slice'" : `'${typeName(value)}' object is not subscriptable`,
    )
  const step = stepSize === null ? 1 : toIndex(stepSize, NOT_SLICE)
  if (step === 0) valueError('slice step cannot be zero')
  if (value instanceof RangeValue) {
    const { from, to } = bounds(start, stop, step, value.length)
    return new RangeValue(value.at(from), value.at(to), value.stepSize * BigInt(step))
  }
  if (text !== undefined) {
    const cut = sliceText(run, text, start, stop, step)
    return value instanceof MarkupValue ? new MarkupValue(cut) : cut
  }
  const { items } = value as ListValue | TupleValue
  const taken = take(run, items, start, stop, step)
  return value instanceof ListValue ? new ListValue(taken) : new TupleValue(taken)
}

const NOT_SLICE = 'slice indices must be integers or None or have an __index__ method'

/** Whether a value has slices. */
export function isSliceable(value: Value): boolean {
  return (
    textOf(value) !== undefined ||
    value instanceof ListValue ||
    value instanceof TupleValue ||
    value instanceof RangeValue
  )
}

function sliceText(run: Run, text: string, start: Value, stop: Value, step: number): string {
  run.text(text.length)
  if (step === 1 && isFlat(text)) {
    const { from, to } = bounds(start, stop, step, text.length)
    return text.slice(from, Math.max(from, to))
  }
  return take(run, charactersOf(text), start, stop, step).join('')
}

function bounds(start: Value, stop: Value, step: number, length: number): { from: number; to: number } {
  const place = (value: Value, fallback: number) => {
    if (value === null) return fallback
    const given = toIndex(value, NOT_SLICE)
    const index = given < 0 ? given + length : given
    return step > 0 ? Math.max(0, Math.min(index, length)) : Math.max(-1, Math.min(index, length - 1))
  }
  return { from: place(start, step > 0 ? 0 : length - 1), to: place(stop, step > 0 ? length : -1) }
}

function take<T>(run: Run, items: readonly T[], start: Value, stop: Value, step: number): T[] {
  const { from, to } = bounds(start, stop, step, items.length)
  const taken: T[] = []
  for (let i = from; step > 0 ? i < to : i > to; i += step) taken.push(items[i] as T)
  run.step(taken.length)
  return taken
}

/** Calls a value. Throws TypeError for what cannot be called. */
export function callValue(run: Run, value: Value, args: Arguments): Value {
  run.step()
  countReading(run, args.positional)
  countReading(run, [...args.named.values()])
  if (value instanceof CallableValue) return run.deeper(() => value.call(run, args))
  if (value instanceof UndefinedValue) value.fail()
  if (value instanceof ObjectValue && value.call !== undefined) {
    const object = value
    return run.deeper(() => object.call?.(run, args) ?? null)
  }
  return typeError(`'${typeName(value)}' object is not callable`)
}

/** Whether a value can be called. */
export function isCallable(value: Value): boolean {
  return (
    value instanceof CallableValue ||
    value instanceof UndefinedValue ||
    (value instanceof ObjectValue && value.call !== undefined)
  )
}
