/** The filters that make texts. */

import { Raised, typeError } from '../errors.js'
import { formatPercent } from '../formats/percent-format.js'
import type { Run } from '../run.js'
import { compute } from '../values/arithmetic.js'
import { capitalize, lengthOf, splitLines, toUnits, WHITESPACE } from '../values/characters.js'
import { itemsOf, iteratorOf, sizeOf } from '../values/iterate.js'
import { escapeHtml } from '../values/markup.js'
import { toIndex } from '../values/numbers.js'
import { str } from '../values/repr.js'
import type { Definition } from '../values/signature.js'
import { centerLeft, replaceText } from '../values/string-methods.js'
import { joinTexts, trimText } from '../values/string-splits.js'
import {
  DictValue,
  isTrue,
  ListValue,
  MarkupValue,
  TupleValue,
  textOf,
  typeName,
  type Value,
} from '../values/values.js'
import { attributeGetter } from './attribute-getter.js'
import type { Named } from './environment.js'

/** A filter on the text of a value; what counts as HTML stays so. */
function onText(
  parameters: Definition['parameters'],
  make: (run: Run, text: string, ...values: Value[]) => string,
): Definition {
  return {
    parameters: ['s', ...parameters],
    run: (run, value, ...values) => {
      const text = str(run, value as Value)
      const made = make(run, text, ...values)
      run.text(made.length)
      return value instanceof MarkupValue ? new MarkupValue(made) : made
    },
  }
}

const WORD_START = new RegExp(`([-${WHITESPACE}({\\[<]+)`)

function title(text: string): string {
  return text
    .split(WORD_START)
    .map((part) => {
      const [first = ''] = part
      return first.toUpperCase() + part.slice(first.length).toLowerCase()
    })
    .join('')
}

function indent(run: Run, value: Value, width: Value, first: Value, blank: Value): Value {
  const text = textOf(compute(run, '+', value, '\n'))
  if (text === undefined) typeError(`'${typeName(value)}' object has no lines`)
  const given = textOf(width)
  const size = given === undefined ? Math.max(0, toIndex(width)) : 0
  const lines = splitLines(run, text)
  run.text(text.length + lines.length * (given?.length ?? size))
  const indentation = given ?? ' '.repeat(size)
  const rest = lines.slice(1).map((line) => (line !== '' || isTrue(blank) ? indentation + line : line))
  const result = [lines[0] ?? '', ...rest].join('\n')
  const whole = isTrue(first) ? indentation + result : result
  return value instanceof MarkupValue ? new MarkupValue(whole) : whole
}

function truncate(run: Run, value: Value, length: Value, kill: Value, end: Value, leeway: Value): Value {
  const ending = textOf(end) ?? typeError(`object of type '${typeName(end)}' is no text`)
  const most = toIndex(length)
  const slack = leeway === null ? 5 : toIndex(leeway) // Jinja2's policy
  if (most < lengthOf(ending)) assertion(`expected length >= ${lengthOf(ending)}, got ${most}`)
  if (slack < 0) assertion(`expected leeway >= 0, got ${slack}`)
  const size = sizeOf(value)
  if (size === undefined) typeError(`object of type '${typeName(value)}' has no len()`)
  if (size <= most + slack) return value
  const text = textOf(value) ?? typeError(`can only concatenate ${typeName(value)} (not "str") to ${typeName(value)}`)
  run.text(text.length)
  const cut = text.slice(0, toUnits(text, most - lengthOf(ending)))
  const at = cut.lastIndexOf(' ')
  return (isTrue(kill) || at < 0 ? cut : cut.slice(0, at)) + ending
}

function assertion(message: string): never {
  throw new Raised('AssertionError', message)
}

function quoteUrl(run: Run, text: string, isQuery: boolean): string {
  run.step(text.length)
  const bytes = new TextEncoder().encode(text)
  let result = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    if (/[A-Za-z0-9_.~-]/.test(character) || (!isQuery && character === '/')) result += character
    else if (isQuery && character === ' ') result += '+'
    else result += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}

function urlencode(run: Run, value: Value): string {
  if (textOf(value) !== undefined || iteratorOf(value) === undefined) return quoteUrl(run, str(run, value), false)
  const pairs =
    value instanceof DictValue ? [...value.entries.values()] : itemsOf(run, value).map((pair) => itemsOf(run, pair))
  return pairs
    .map((pair) => {
      if (pair.length !== 2) typeError('a pair has two items')
      return pair.map((part) => quoteUrl(run, str(run, part as Value), true)).join('=')
    })
    .join('&')
}

/** `format`: value % arguments. */
const format: Named = (run, _environment, { positional, named }) => {
  const [value = null, ...values] = positional
  if (values.length > 0 && named.size > 0)
    throw new Raised('FilterArgumentError', "can't handle positional and keyword arguments at the same time")
  return formatPercent(run, str(run, value), named.size > 0 ? DictValue.of(named) : new TupleValue(values))
}

/** Filters by name, those of named parameters. */
export const textFilters: Readonly<Record<string, Definition>> = {
  upper: onText([], (_run, text) => text.toUpperCase()),
  lower: onText([], (_run, text) => text.toLowerCase()),
  capitalize: onText([], (_run, text) => capitalize(text)),
  trim: onText([['chars', null]], (_run, text, characters) => trimText(text, characters ?? null)),
  center: onText([['width', 80n]], (run, text, width) => {
    const wide = toIndex(width as Value)
    const space = wide - lengthOf(text)
    if (space <= 0) return text
    run.text(wide)
    const left = centerLeft(space, wide)
    return ' '.repeat(left) + text + ' '.repeat(space - left)
  }),
  title: {
    parameters: ['s'],
    run: (run, value) => {
      const text = str(run, value ?? null)
      run.step(text.length)
      return title(text)
    },
  },
  replace: {
    parameters: ['s', 'old', 'new', ['count', null]],
    run: (run, value, old, next, count) =>
      replaceText(
        run,
        str(run, value ?? null),
        str(run, old ?? null),
        str(run, next ?? null),
        count === null || count === undefined ? -1 : toIndex(count),
      ),
  },
  indent: {
    parameters: ['s', ['width', 4n], ['first', false], ['blank', false]],
    run: (run, value, width, first, blank) =>
      indent(run, value ?? null, width as Value, first ?? false, blank ?? false),
  },
  truncate: {
    parameters: ['s', ['length', 255n], ['killwords', false], ['end', '...'], ['leeway', null]],
    run: (run, value, length, kill, end, leeway) =>
      truncate(run, value ?? null, length as Value, kill ?? false, end as Value, leeway ?? null),
  },
  wordcount: {
    parameters: ['s'],
    run: (run, value) => {
      const text = str(run, value ?? null)
      run.step(text.length)
      return BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)
    },
  },
  join: {
    parameters: ['value', ['d', ''], ['attribute', null]],
    run: (run, value, separator, attribute) => {
      const get = attributeGetter(run, attribute ?? null)
      const texts = itemsOf(run, value ?? null).map((item) => str(run, get(item)))
      return joinTexts(run, str(run, separator as Value), new ListValue(texts))
    },
  },
  string: {
    parameters: ['s'],
    isPositional: true,
    run: (run, value) => (value instanceof MarkupValue ? value : str(run, value ?? null)),
  },
  escape: { parameters: ['s'], isPositional: true, run: (run, value) => escaped(run, value ?? null) },
  e: { parameters: ['s'], isPositional: true, run: (run, value) => escaped(run, value ?? null) },
  forceescape: { parameters: ['value'], run: (run, value) => escaped(run, str(run, value ?? null)) },
  safe: { parameters: ['value'], run: (run, value) => new MarkupValue(str(run, value ?? null)) },
  urlencode: { parameters: ['value'], run: (run, value) => urlencode(run, value ?? null) },
}

function escaped(run: Run, value: Value): Value {
  if (value instanceof MarkupValue) return value
  const text = str(run, value)
  run.text(6 * text.length) // the longest escape has 6 characters
  return new MarkupValue(escapeHtml(text))
}

/** Filters that take their arguments as they come. */
export const rawTextFilters: readonly (readonly [string, Named])[] = [['format', format]]
