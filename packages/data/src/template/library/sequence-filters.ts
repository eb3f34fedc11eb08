/** The filters on lists, dicts and what else has items. */

import { Raised, typeError } from '../errors.js'
import type { Run } from '../run.js'
import { compute } from '../values/arithmetic.js'
import { characterBefore } from '../values/characters.js'
import { equals, order, sorted } from '../values/compare.js'
import { countOf, generator, itemsOf, iterate, iteratorOf, len, sizeOf } from '../values/iterate.js'
import { toIndex } from '../values/numbers.js'
import type { Definition, Parameter } from '../values/signature.js'
import { backwards } from '../values/string-splits.js'
import {
  DictValue,
  DictView,
  IteratorValue,
  isTrue,
  keyOf,
  ListValue,
  RangeValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from '../values/values.js'
import { attributeGetter, ignoreCase, multiAttributeGetter } from './attribute-getter.js'

const CASE: Parameter = ['case_sensitive', false]
const ATTRIBUTE: Parameter = ['attribute', null]

function define(parameters: readonly Parameter[], run: (run: Run, ...values: Value[]) => Value): Definition {
  return { parameters, run }
}

function caseOf(isSensitive: Value): (value: Value) => Value {
  return isTrue(isSensitive) ? (value) => value : ignoreCase
}

/** The items from the last to the first; undefined where Python cannot go backwards. */
function reversedItems(
  run: Run,
  value: Value,
): { readonly items: readonly Value[]; readonly typeName: string } | undefined {
  const made = (items: Iterable<Value>, name: string) => {
    run.step(sizeOf(value))
    return { items: [...items].reverse(), typeName: name }
  }
  if (value instanceof ListValue) return made(value.items, 'list_reverseiterator')
  if (value instanceof TupleValue) return made(value.items, 'reversed')
  if (value instanceof DictValue) return made(new DictView(value, 'keys').items(), 'dict_reversekeyiterator')
  if (value instanceof DictView) return made(value.items(), `dict_reverse${value.kind.slice(0, -1)}iterator`)
  if (value instanceof RangeValue) return made(countOf(value), 'range_iterator')
  if (value instanceof UndefinedValue) return made([], 'reversed')
  return undefined
}

function reverse(run: Run, value: Value): Value {
  const text = textOf(value)
  if (text !== undefined) {
    run.text(text.length)
    return backwards(run, text)
  }
  const reversed = reversedItems(run, value)
  if (reversed !== undefined) return new IteratorValue(reversed.items.values(), reversed.typeName)
  if (iteratorOf(value) === undefined) throw new Raised('FilterArgumentError', 'argument must be iterable')
  return new ListValue([...itemsOf(run, value)].reverse())
}

function last(run: Run, value: Value): Value {
  const text = textOf(value)
  const items = text === undefined ? reversedItems(run, value)?.items : [characterBefore(text, text.length)]
  if (items === undefined) typeError(`'${typeName(value)}' object is not reversible`)
  const [item] = items
  return item === undefined || text === '' ? new UndefinedValue('No last item, sequence was empty.') : item
}

function first(run: Run, value: Value): Value {
  for (const item of iterate(run, value)) return item
  return new UndefinedValue('No first item, sequence was empty.')
}

function extreme(run: Run, operator: '<' | '>', value: Value, isSensitive: Value, attribute: Value): Value {
  const get = attributeGetter(run, attribute)
  const fold = caseOf(isSensitive)
  let best: { readonly item: Value; readonly key: Value } | undefined
  for (const item of itemsOf(run, value)) {
    const key = fold(get(item))
    const isBetter =
      best === undefined || (operator === '<' ? order(run, '<', key, best.key) < 0 : order(run, '>', key, best.key) > 0)
    if (isBetter) best = { item, key }
  }
  return best?.item ?? (best === undefined ? new UndefinedValue('No aggregated item, sequence was empty.') : null)
}

function* unique(run: Run, value: Value, isSensitive: Value, attribute: Value): Generator<Value> {
  const get = attributeGetter(run, attribute)
  const fold = caseOf(isSensitive)
  const seen = new Set<unknown>()
  for (const item of iterate(run, value)) {
    const key = keyOf(run, fold(get(item)))
    if (seen.has(key)) continue
    seen.add(key)
    yield item
  }
}

function groupBy(run: Run, value: Value, attribute: Value, fallback: Value, isSensitive: Value): Value {
  const plain = attributeGetter(run, attribute, fallback)
  const fold = caseOf(isSensitive)
  const key = (item: Value) => fold(plain(item))
  const groups: { readonly key: Value; readonly items: Value[] }[] = []
  for (const item of sorted(run, itemsOf(run, value), key, false)) {
    const own = key(item)
    const group = groups.at(-1)
    if (group !== undefined && equals(run, group.key, own)) group.items.push(item)
    else groups.push({ key: own, items: [item] })
  }
  return new ListValue(
    groups.map(({ key: folded, items }) => {
      const grouper = isTrue(isSensitive) ? folded : plain(items[0] ?? null)
      return new TupleValue([grouper, new ListValue(items)], ['grouper', 'list'])
    }),
  )
}

function dictSort(run: Run, value: Value, isSensitive: Value, by: Value, isReverse: Value): Value {
  const position = by === 'key' ? 0 : by === 'value' ? 1 : undefined
  if (position === undefined) throw new Raised('FilterArgumentError', 'You can only sort by either "key" or "value"')
  if (value instanceof UndefinedValue) value.fail()
  if (!(value instanceof DictValue))
    throw new Raised('AttributeError', `'${typeName(value)}' object has no attribute 'items'`)
  const fold = caseOf(isSensitive)
  const pairs = [...new DictView(value, 'items').items()]
  return new ListValue(
    sorted(run, pairs, (pair) => fold((pair as TupleValue).items[position] ?? null), isTrue(isReverse)),
  )
}

function* batch(run: Run, value: Value, size: Value, fill: Value): Generator<Value> {
  let group: Value[] = []
  for (const item of iterate(run, value)) {
    if (equals(run, BigInt(group.length), size)) {
      yield new ListValue(group)
      group = []
    }
    group.push(item)
  }
  if (group.length === 0) return
  if (fill !== null) {
    const wanted = order(run, '<', BigInt(group.length), size) < 0 ? toIndex(size) : 0
    run.step(Math.max(0, wanted - group.length))
    while (group.length < wanted) group.push(fill)
  }
  yield new ListValue(group)
}

function* slices(run: Run, value: Value, count: Value, fill: Value): Generator<Value> {
  const items = itemsOf(run, value)
  if (count === 0n) throw new Raised('ZeroDivisionError', 'integer division or modulo by zero')
  const many = toIndex(count)
  const size = Math.floor(items.length / many)
  const larger = items.length - size * many
  for (let index = 0, offset = 0; index < many; index++) {
    run.step()
    const start = offset + index * size
    if (index < larger) offset += 1
    const part = items.slice(start, offset + (index + 1) * size)
    yield new ListValue(fill !== null && index >= larger ? [...part, fill] : part)
  }
}

function sum(run: Run, value: Value, attribute: Value, start: Value): Value {
  if (textOf(start) !== undefined) typeError("sum() can't sum strings [use ''.join(seq) instead]")
  const get = attributeGetter(run, attribute)
  return itemsOf(run, value).reduce((total: Value, item) => compute(run, '+', total, get(item)), start)
}

function* pairsOf(value: Value): Generator<Value> {
  if (value instanceof UndefinedValue) return
  if (!(value instanceof DictValue)) typeError('Can only get item pairs from a mapping.')
  yield* new DictView(value, 'items').items()
}

/** Filters by name. */
export const sequenceFilters: Readonly<Record<string, Definition>> = {
  first: define(['seq'], (run, value = null) => first(run, value)),
  last: define(['seq'], (run, value = null) => last(run, value)),
  length: { parameters: ['obj'], isPositional: true, run: (_run, value = null) => len(value) },
  count: { parameters: ['obj'], isPositional: true, run: (_run, value = null) => len(value) },
  list: define(['value'], (run, value = null) => new ListValue([...itemsOf(run, value)])),
  items: define(['value'], (_run, value = null) => generator(() => pairsOf(value))),
  reverse: define(['value'], (run, value = null) => reverse(run, value)),
  sort: define(
    ['value', ['reverse', false], CASE, ATTRIBUTE],
    (run, value = null, isReverse = false, sensitive = false, attribute = null) =>
      new ListValue(
        sorted(run, itemsOf(run, value), multiAttributeGetter(run, attribute, caseOf(sensitive)), isTrue(isReverse)),
      ),
  ),
  unique: define(['value', CASE, ATTRIBUTE], (run, value = null, sensitive = false, attribute = null) =>
    generator(() => unique(run, value, sensitive, attribute)),
  ),
  min: define(['value', CASE, ATTRIBUTE], (run, value = null, sensitive = false, attribute = null) =>
    extreme(run, '<', value, sensitive, attribute),
  ),
  max: define(['value', CASE, ATTRIBUTE], (run, value = null, sensitive = false, attribute = null) =>
    extreme(run, '>', value, sensitive, attribute),
  ),
  groupby: define(
    ['value', 'attribute', ['default', null], CASE],
    (run, value = null, attribute = null, fallback = null, sensitive = false) =>
      groupBy(run, value, attribute, fallback, sensitive),
  ),
  dictsort: define(
    ['value', CASE, ['by', 'key'], ['reverse', false]],
    (run, value = null, sensitive = false, by = 'key', isReverse = false) =>
      dictSort(run, value, sensitive, by, isReverse),
  ),
  batch: define(['value', 'linecount', ['fill_with', null]], (run, value = null, size = null, fill = null) =>
    generator(() => batch(run, value, size, fill)),
  ),
  slice: define(['value', 'slices', ['fill_with', null]], (run, value = null, count = null, fill = null) =>
    generator(() => slices(run, value, count, fill)),
  ),
  sum: define(['iterable', ATTRIBUTE, ['start', 0n]], (run, value = null, attribute = null, start = 0n) =>
    sum(run, value, attribute, start),
  ),
}
