/** `str` and `repr` of values. */
import { Refused, valueError } from '../errors.js'
import { floatText } from '../formats/float-text.js'
import type { Run } from '../run.js'
import {
  CallableValue,
  DictValue,
  DictView,
  ListValue,
  MarkupValue,
  NamespaceValue,
  ObjectValue,
  RangeValue,
  SliceValue,
  TupleValue,
  typeName,
  UndefinedValue,
  type Value,
} from './values.js'

/** The text that printing a value gives. Throws Refused for what Python prints with an address. */
export function str(run: Run, value: Value): string {
  if (typeof value === 'string') return value
  if (value instanceof UndefinedValue) return ''
  return value instanceof MarkupValue ? value.text : repr(run, value)
}

/** The text that a value has in lists and dicts. */
export function repr(run: Run, value: Value): string {
  run.step()
  if (value === null) return 'None'
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False'
    case 'bigint':
      return integerText(value)
    case 'number':
      return floatText(value)
    case 'string':
      run.step(value.length / 2)
      return counted(run, quoted(value))
  }
  return run.deeper(() => objectText(run, value))
}

function objectText(run: Run, value: object): string {
  if (value instanceof ListValue) return counted(run, `[${listed(run, value.items)}]`)
  if (value instanceof TupleValue)
    return counted(run, `(${listed(run, value.items)}${value.items.length === 1 ? ',' : ''})`)
  if (value instanceof DictValue) return counted(run, dictText(run, value))
  if (value instanceof DictView) return counted(run, `dict_${value.kind}([${listed(run, value.items())}])`)
  if (value instanceof UndefinedValue) return 'Undefined'
  if (value instanceof MarkupValue) return `Markup(${quoted(value.text)})`
  if (value instanceof RangeValue) {
    const step = value.stepSize === 1n ? '' : `, ${value.stepSize}`
    return `range(${value.start}, ${value.stop}${step})`
  }
  if (value instanceof SliceValue) return `slice(${listed(run, [value.start, value.stop, value.stepSize])})`
  if (value instanceof NamespaceValue) return counted(run, `<Namespace ${dictText(run, value.attributes)}>`)
  const shown = value instanceof CallableValue ? value.shown : value instanceof ObjectValue ? value.shown() : undefined
  if (shown !== undefined) return shown
  throw new Refused(`a ${typeName(value)} has no text that is the same in every run`)
}

function listed(run: Run, items: Iterable<Value>): string {
  return Array.from(items, (item) => repr(run, item)).join(', ')
}

function dictText(run: Run, dict: DictValue): string {
  return `{${Array.from(dict.entries.values(), ([key, value]) => `${repr(run, key)}: ${repr(run, value)}`).join(', ')}}`
}

function counted(run: Run, text: string): string {
  run.text(text.length)
  return text
}

const MOST_DIGITS = 4300 // CPython's, against slow conversions

/** The digits of an integer. Throws ValueError beyond what Python converts. */
export function integerText(value: bigint): string {
  const text = value.toString()
  if (text.length - (value < 0n ? 1 : 0) > MOST_DIGITS)
    valueError(`Exceeds the limit (${MOST_DIGITS} digits) for integer string conversion`)
  return text
}

const UNPRINTABLE = /[\\'\p{C}\p{Z}]/u
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/** A text between quotes, with Python's escapes. */
export function quoted(text: string): string {
  if (!UNPRINTABLE.test(text)) return `'${text}'`
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let result = quote
  for (const character of text) {
    if (character === quote) result += `\\${character}`
    else result += SHORT[character] ?? (isPrintable(character) ? character : escaped(character))
  }
  return result + quote
}

const HIDDEN = /[\p{C}\p{Z}]/u

/** Whether `repr` shows a character as it is. */
export function isPrintable(character: string): boolean {
  return character === ' ' || !HIDDEN.test(character)
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const digits = code.toString(16)
  if (code <= 0xff) return `\\x${digits.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`
}
