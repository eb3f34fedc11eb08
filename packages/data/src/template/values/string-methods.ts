/** The methods of str that give texts, numbers and truths. Splitting and joining are in string-splits.ts. */

import { Refused, typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import {
  capitalize,
  charactersOf,
  isSpace,
  lengthOf,
  splitText,
  strip,
  titleWords,
  toCodePoints,
  toUnits,
} from './characters.js'
import { toIndex } from './numbers.js'
import { isPrintable } from './repr.js'
import type { Definition } from './signature.js'
import { TupleValue, textOf, typeName, type Value } from './values.js'

/** A method of str: by the text it belongs to and its arguments. */
export function textMethod(
  parameters: Definition['parameters'],
  run: (run: Run, text: string, ...values: Value[]) => Value,
  isPositional = true,
): Definition {
  return {
    parameters: ['self', ...parameters],
    isPositional,
    run: (current, self, ...values) => run(current, textOf(self) ?? '', ...values),
  }
}

/** A text argument. Throws TypeError. */
export function needText(value: Value, what: string): string {
  return textOf(value) ?? typeError(`${what}, not ${typeName(value)}`)
}

const charactersArgument: Definition['parameters'] = [['chars', null]]

function stripping(name: string, sides: 'both' | 'left' | 'right'): Definition {
  return textMethod(charactersArgument, (_run, text, characters) => {
    return strip(text, characters === null ? null : needText(characters, `${name} arg must be None or str`), sides)
  })
}

function padding(place: (space: number, width: number) => number): Definition {
  return textMethod(['width', ['fillchar', ' ']], (run, text, width, fill) => {
    const character = needText(fill, 'The fill character must be a unicode character')
    if (lengthOf(character) !== 1) typeError('The fill character must be exactly one character long')
    const wide = toIndex(width)
    const space = wide - lengthOf(text)
    if (space <= 0) return text
    run.text(wide * character.length)
    const left = place(space, wide)
    return character.repeat(left) + text + character.repeat(space - left)
  })
}

/** Centred as CPython does it: where the space is odd, the side of the odd one depends on the width. */
export function centerLeft(space: number, width: number): number {
  return Math.floor(space / 2) + (space & width & 1)
}

function cutText(text: string, start: Value, end: Value): { readonly part: string; readonly from: number } | undefined {
  const length = lengthOf(text)
  const place = (value: Value, fallback: number) => {
    if (value === null) return fallback
    const index = toIndex(value, 'slice indices must be integers or None or have an __index__ method')
    return index < 0 ? Math.max(0, index + length) : index
  }
  const from = place(start, 0)
  const to = Math.min(place(end, length), length)
  return from > to ? undefined : { part: text.slice(toUnits(text, from), toUnits(text, to)), from }
}

const range: Definition['parameters'] = [
  ['start', null],
  ['end', null],
]

function finding(name: string, isFromRight: boolean, raises: boolean): Definition {
  return textMethod(['sub', ...range], (_run, text, sub, start, end) => {
    const needle = needText(sub, `${name}() argument 1 must be str`)
    const cut = cutText(text, start ?? null, end ?? null)
    const at = cut === undefined ? -1 : isFromRight ? cut.part.lastIndexOf(needle) : cut.part.indexOf(needle)
    if (cut !== undefined && at >= 0) return BigInt(cut.from + toCodePoints(cut.part, at))
    return raises ? valueError('substring not found') : -1n
  })
}

function testing(name: string, test: (part: string, affix: string) => boolean): Definition {
  return textMethod(['prefix', ...range], (run, text, affix, start, end) => {
    run.step()
    const affixes = affix instanceof TupleValue ? affix.items : [affix]
    const cut = cutText(text, start ?? null, end ?? null)
    return affixes.some((one) => {
      const wanted = textOf(one)
      if (wanted === undefined)
        typeError(
          affix instanceof TupleValue
            ? `tuple for ${name} must only contain str, not ${typeName(one)}`
            : `${name} first arg must be str or a tuple of str, not ${typeName(one)}`,
        )
      return cut !== undefined && test(cut.part, wanted)
    })
  })
}

function asking(test: (text: string) => boolean): Definition {
  return textMethod([], (run, text) => {
    run.step(text.length / 2)
    return test(text)
  })
}

const LOWER = /\p{Lowercase}/u
const UPPER = /[\p{Uppercase}\p{Lt}]/u
// Digits that are not decimal: superscripts, circled and bracketed ones.
const DIGITS =
  /^[\p{Nd}\u00b2\u00b3\u00b9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text)
}

function isNumeric(text: string): boolean {
  if (!isAscii(text) && /\p{Script=Han}/u.test(text))
    throw new Refused('whether Chinese characters are numbers is not known here')
  return /^\p{N}+$/u.test(text)
}

function isTitle(text: string): boolean {
  let [isInWord, isFound] = [false, false]
  for (const character of text) {
    if (UPPER.test(character) ? isInWord : LOWER.test(character) && !isInWord) return false
    isInWord = UPPER.test(character) || LOWER.test(character)
    isFound ||= isInWord
  }
  return isFound
}

function replace(run: Run, text: string, old: Value, next: Value, count: Value): string {
  const [from, to] = [
    needText(old, 'replace() argument 1 must be str'),
    needText(next, 'replace() argument 2 must be str'),
  ]
  return replaceText(run, text, from, to, toIndex(count))
}

/** `text.replace(from, to, most)`; most below 0: every one. */
export function replaceText(run: Run, text: string, from: string, to: string, most: number): string {
  const parts = from === '' ? ['', ...charactersOf(text), ''] : splitText(run, text, from)
  const places = Math.min(parts.length - 1, most < 0 ? Number.POSITIVE_INFINITY : most)
  run.step(parts.length)
  run.text(text.length + places * Math.max(0, to.length - from.length))
  if (places === parts.length - 1) return parts.join(to)
  return (
    parts.slice(0, places + 1).join(to) +
    parts
      .slice(places)
      .slice(1)
      .map((part) => from + part)
      .join('')
  )
}

/** Methods by name. */
export const stringMethods: Readonly<Record<string, Definition>> = {
  upper: textMethod([], (_run, text) => text.toUpperCase()),
  lower: textMethod([], (_run, text) => text.toLowerCase()),
  title: textMethod([], (run, text) => {
    run.step(text.length)
    return titleWords(text)
  }),
  capitalize: textMethod([], (_run, text) => capitalize(text)),
  swapcase: textMethod([], (run, text) => {
    run.step(text.length)
    return Array.from(text, (c) => (UPPER.test(c) ? c.toLowerCase() : LOWER.test(c) ? c.toUpperCase() : c)).join('')
  }),
  casefold: textMethod([], (_run, text) => {
    if (!isAscii(text)) throw new Refused('casefold of text beyond ASCII is not computed here')
    return text.toLowerCase()
  }),
  strip: stripping('strip', 'both'),
  lstrip: stripping('lstrip', 'left'),
  rstrip: stripping('rstrip', 'right'),
  center: padding(centerLeft),
  ljust: padding(() => 0),
  rjust: padding((space) => space),
  zfill: textMethod(['width'], (run, text, width) => {
    const space = toIndex(width ?? null) - lengthOf(text)
    if (space <= 0) return text
    run.text(space + text.length)
    const sign = /^[-+]/.exec(text)?.[0] ?? ''
    return sign + '0'.repeat(space) + text.slice(sign.length)
  }),
  find: finding('find', false, false),
  rfind: finding('rfind', true, false),
  index: finding('index', false, true),
  rindex: finding('rindex', true, true),
  count: textMethod(['sub', ...range], (run, text, sub, start, end) => {
    const needle = needText(sub ?? null, 'count() argument 1 must be str')
    const cut = cutText(text, start ?? null, end ?? null)
    if (cut === undefined) return 0n
    return needle === '' ? BigInt(lengthOf(cut.part) + 1) : BigInt(splitText(run, cut.part, needle).length - 1)
  }),
  startswith: testing('startswith', (part, affix) => part.startsWith(affix)),
  endswith: testing('endswith', (part, affix) => part.endsWith(affix)),
  removeprefix: textMethod(['prefix'], (_run, text, prefix) => {
    const affix = needText(prefix ?? null, 'removeprefix() argument must be str')
    return text.startsWith(affix) ? text.slice(affix.length) : text
  }),
  removesuffix: textMethod(['suffix'], (_run, text, suffix) => {
    const affix = needText(suffix ?? null, 'removesuffix() argument must be str')
    return affix !== '' && text.endsWith(affix) ? text.slice(0, -affix.length) : text
  }),
  replace: textMethod(['old', 'new', ['count', -1n]], (run, text, old, next, count) =>
    replace(run, text, old ?? null, next ?? null, count as Value),
  ),
  isalpha: asking((text) => /^\p{L}+$/u.test(text)),
  isalnum: asking((text) => /^[\p{L}\p{N}]+$/u.test(text)),
  isdecimal: asking((text) => /^\p{Nd}+$/u.test(text)),
  isdigit: asking((text) => DIGITS.test(text)),
  isnumeric: asking(isNumeric),
  isascii: asking((text) => isAscii(text)),
  isspace: asking((text) => text !== '' && Array.from(text).every(isSpace)),
  islower: asking((text) => LOWER.test(text) && !UPPER.test(text)),
  isupper: asking((text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)),
  istitle: asking(isTitle),
  isidentifier: asking((text) => /^[\p{XIDS}_]\p{XIDC}*$/u.test(text)),
  isprintable: asking((text) => Array.from(text).every(isPrintable)),
}
