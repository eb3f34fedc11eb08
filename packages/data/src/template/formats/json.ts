/** `tojson` as transformers defines it: Python's `json.dumps`, without the escapes for HTML. */
import { typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { integerText } from '../values/repr.js'
import { DictValue, ListValue, TupleValue, textOf, typeName, UndefinedValue, type Value } from '../values/values.js'
import { floatText } from './float-text.js'

/** How the JSON is laid out. */
export interface JsonLayout {
  readonly ensureAscii: boolean
  /** What one level is indented by; undefined: everything on one line. */
  readonly indent: string | undefined
  readonly itemSeparator: string
  readonly keySeparator: string
  readonly sortKeys: (pairs: readonly (readonly [Value, Value])[]) => readonly (readonly [Value, Value])[]
}

/** The value as JSON text. Throws TypeError for what JSON has not. */
export function dumps(run: Run, value: Value, layout: JsonLayout): string {
  const text = write(run, value, layout, '\n')
  run.text(text.length)
  return text
}

function write(run: Run, value: Value, layout: JsonLayout, newline: string): string {
  run.step()
  if (value === null) return 'null'
  switch (typeof value) {
    case 'boolean':
      return String(value)
    case 'bigint':
      return integerText(value)
    case 'number':
      return floatJson(value)
  }
  const text = textOf(value)
  if (text !== undefined) return quotedJson(run, text, layout.ensureAscii)
  return run.deeper(() => {
    if (value instanceof ListValue || value instanceof TupleValue)
      return enclosed(run, '[]', value.items, layout, newline, (item, inner) => write(run, item, layout, inner))
    if (value instanceof DictValue)
      return enclosed(
        run,
        '{}',
        layout.sortKeys([...value.entries.values()]),
        layout,
        newline,
        ([key, item], inner) =>
          quotedJson(run, keyText(key), layout.ensureAscii) + layout.keySeparator + write(run, item, layout, inner),
      )
    return typeError(`Object of type ${typeName(value)} is not JSON serializable`)
  })
}

function enclosed<T>(
  run: Run,
  brackets: string,
  items: readonly T[],
  layout: JsonLayout,
  newline: string,
  one: (item: T, inner: string) => string,
): string {
  if (items.length === 0) return brackets
  const inner = layout.indent === undefined ? '' : newline + layout.indent
  run.text(inner.length * items.length)
  const separator = layout.itemSeparator + inner
  const end = layout.indent === undefined ? '' : newline
  const text = items.map((item) => one(item, layout.indent === undefined ? newline : inner)).join(separator)
  run.text(text.length)
  return brackets.charAt(0) + inner + text + end + brackets.charAt(1)
}

function keyText(key: Value): string {
  if (key === null) return 'null'
  if (typeof key === 'boolean') return String(key)
  if (typeof key === 'bigint') return integerText(key)
  if (typeof key === 'number') return floatJson(key)
  return textOf(key) ?? typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
}

function floatJson(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  return floatText(value)
}

const SHORT: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function quotedJson(run: Run, text: string, ensureAscii: boolean): string {
  run.text(text.length)
  if (ensureAscii) run.step(text.length)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
  const escaped = ensureAscii ? /[\\"]|[^ -~]/g : /[\\"\x00-\x1f]/g
  const body = text.replace(escaped, (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `"${body}"`
}

/** The indent that a value asks for; undefined: none. */
export function indentOf(run: Run, value: Value): string | undefined {
  if (value === null) return undefined
  const text = textOf(value)
  if (text !== undefined) return text
  if (value instanceof UndefinedValue) value.fail()
  if (typeof value !== 'bigint' && typeof value !== 'boolean')
    typeError(`can't multiply sequence by non-int of type '${typeName(value)}'`)
  const width = Math.max(0, Number(value))
  run.text(width)
  if (!Number.isSafeInteger(width)) valueError('indent is too large')
  return ' '.repeat(width)
}
