/** What filters such as `sort` and `map` look at in each item: a path such as "function.name" or "0". */

import type { Run } from '../run.js'
import { getItem } from '../values/access.js'
import { ListValue, textOf, UndefinedValue, type Value } from '../values/values.js'

/** Reads a path in a value. fallback: what an undefined step counts as; null: nothing. */
export function attributeGetter(run: Run, attribute: Value, fallback: Value = null): (item: Value) => Value {
  const parts = partsOf(attribute)
  return (item) =>
    parts.reduce((value: Value, part) => {
      const next = getItem(run, value, part)
      return fallback !== null && next instanceof UndefinedValue ? fallback : next
    }, item)
}

/** Reads several paths, with commas between them, as a list. */
export function multiAttributeGetter(
  run: Run,
  attribute: Value,
  after: (value: Value) => Value,
): (item: Value) => Value {
  const text = textOf(attribute)
  const getters = (text === undefined ? [attribute] : text.split(',')).map((one) => attributeGetter(run, one))
  return (item) => new ListValue(getters.map((get) => after(get(item))))
}

function partsOf(attribute: Value): readonly Value[] {
  if (attribute === null) return []
  const text = textOf(attribute)
  if (text === undefined) return [attribute]
  return text.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part))
}

/** A text in lower case, so that case does not count; other values unchanged. */
export function ignoreCase(value: Value): Value {
  return textOf(value)?.toLowerCase() ?? value
}
