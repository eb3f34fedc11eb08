/** All filters: Jinja2's, and transformers' `tojson`. Those that Python has and this has not are refused when they run. */

import { attempt, Raised, Refused, typeError } from '../errors.js'
import { dumps, indentOf } from '../formats/json.js'
import type { Run } from '../run.js'
import { attributeOf, getAttribute } from '../values/access.js'
import { compute } from '../values/arithmetic.js'
import { sorted } from '../values/compare.js'
import { itemsOf } from '../values/iterate.js'
import { asFloat, parseInteger, rounded, toIndex, toInteger } from '../values/numbers.js'
import { quoted } from '../values/repr.js'
import type { Definition } from '../values/signature.js'
import { isTrue, TupleValue, textOf, typeName, UndefinedValue, type Value } from '../values/values.js'
import { type Named, namedAll } from './environment.js'
import { itemFilters } from './item-filters.js'
import { sequenceFilters } from './sequence-filters.js'
import { rawTextFilters, textFilters } from './text-filters.js'

function toInt(run: Run, value: Value, fallback: Value, base: Value): Value {
  const text = textOf(value)
  run.step(text?.length ?? 0)
  return attempt<Value>(
    () => (text === undefined ? toInteger(value) : parseInteger(text, toIndex(base))),
    ['TypeError', 'ValueError'],
    () =>
      attempt<Value>(
        () => toInteger(asFloat(value)),
        ['TypeError', 'ValueError', 'OverflowError'],
        () => fallback,
      ),
  )
}

function round(run: Run, value: Value, precision: Value, method: Value): Value {
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    throw new Raised('FilterArgumentError', 'method must be common, ceil or floor')
  run.step(ROUND_STEPS)
  if (method === 'common') return rounded(value, precision === null ? null : BigInt(toIndex(precision)))
  const scale = compute(run, '**', 10n, precision)
  const scaled = compute(run, '*', value, scale)
  if (typeof scaled !== 'bigint' && typeof scaled !== 'number')
    typeError(`must be real number, not ${typeName(scaled)}`)
  const whole =
    typeof scaled === 'bigint' ? scaled : toInteger(method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled))
  return compute(run, '/', whole, scale)
}

const ROUND_STEPS = 50 // of integers with up to 308 digits

function absolute(value: Value): Value {
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'bigint') return value < 0n ? -value : value
  return typeof value === 'number' ? Math.abs(value) : typeError(`bad operand type for abs(): '${typeName(value)}'`)
}

function attribute(run: Run, value: Value, name: Value): Value {
  const text = textOf(name)
  if (text === undefined) typeError('attribute name must be string')
  if (value instanceof UndefinedValue) value.fail()
  if (attributeOf(run, value, text) === undefined)
    return new UndefinedValue(`${quoted(`${typeName(value)} object`)} has no attribute ${quoted(text)}`)
  return getAttribute(run, value, text)
}

function toJson(run: Run, value: Value, ascii: Value, indent: Value, separators: Value, isSorted: Value): Value {
  const pair = separators === null ? undefined : itemsOf(run, separators).map((part) => textOf(part))
  if (pair !== undefined && (pair.length !== 2 || pair.includes(undefined)))
    typeError('separators are two texts: one between items, one after keys')
  const indentation = indentOf(run, indent)
  return dumps(run, value, {
    ensureAscii: isTrue(ascii),
    indent: indentation,
    itemSeparator: pair?.[0] ?? (indentation === undefined ? ', ' : ','),
    keySeparator: pair?.[1] ?? ': ',
    sortKeys: (pairs) =>
      isTrue(isSorted)
        ? sorted(
            run,
            pairs.map((one) => new TupleValue(one)),
            (one) => (one as TupleValue).items[0] ?? null,
            false,
          ).map((one) => (one as TupleValue).items as readonly [Value, Value])
        : pairs,
  })
}

const otherFilters: Readonly<Record<string, Definition>> = {
  abs: { parameters: ['x'], isPositional: true, run: (_run, value = null) => absolute(value) },
  int: {
    parameters: ['value', ['default', 0n], ['base', 10n]],
    run: (run, value = null, fallback = 0n, base = 10n) => toInt(run, value, fallback, base),
  },
  float: {
    parameters: ['value', ['default', 0]],
    run: (run, value = null, fallback = 0) => {
      run.step(textOf(value)?.length ?? 0)
      return attempt<Value>(
        () => asFloat(value),
        ['TypeError', 'ValueError'],
        () => fallback,
      )
    },
  },
  round: {
    parameters: ['value', ['precision', 0n], ['method', 'common']],
    run: (run, value = null, precision = 0n, method = 'common') => round(run, value, precision, method),
  },
  default: defaulting(),
  d: defaulting(),
  attr: { parameters: ['obj', 'name'], run: (run, value = null, name = null) => attribute(run, value, name) },
  tojson: {
    parameters: ['x', ['ensure_ascii', false], ['indent', null], ['separators', null], ['sort_keys', false]],
    run: (run, value = null, ascii = false, indent = null, separators = null, isSorted = false) =>
      toJson(run, value, ascii, indent, separators, isSorted),
  },
}

function defaulting(): Definition {
  return {
    parameters: ['value', ['default_value', ''], ['boolean', false]],
    run: (_run, value = null, fallback = '', isBoolean = false) =>
      value instanceof UndefinedValue || (isTrue(isBoolean) && !isTrue(value)) ? fallback : value,
  }
}

const MISSING = ['filesizeformat', 'pprint', 'random', 'striptags', 'urlize', 'wordwrap', 'xmlattr']

/** Every filter by name. */
export const filters: ReadonlyMap<string, Named> = new Map<string, Named>([
  ...namedAll(textFilters),
  ...namedAll(sequenceFilters),
  ...namedAll(otherFilters),
  ...rawTextFilters,
  ...itemFilters,
  ...MISSING.map((name): [string, Named] => [
    name,
    () => {
      throw new Refused(`the filter ${name} is not computed here`)
    },
  ]),
])
