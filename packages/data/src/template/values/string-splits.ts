/** The methods of str that take texts apart and put them together. */

import { typeError, valueError } from '../errors.js'
import type { Run } from '../run.js'
import { charactersOf, splitLines, splitText, splitWords, strip } from './characters.js'
import { itemsOf, iteratorOf } from './iterate.js'
import { toIndex } from './numbers.js'
import type { Definition } from './signature.js'
import { needText, textMethod } from './string-methods.js'
import { isTrue, ListValue, TupleValue, textOf, typeName, type Value } from './values.js'

function pieces(run: Run, text: string, separator: Value, most: Value, isFromRight: boolean): Value {
  const limit = toIndex(most)
  if (separator === null) {
    return new ListValue(isFromRight && limit >= 0 ? wordsFromRight(run, text, limit) : splitWords(run, text, limit))
  }
  const by = needText(separator, 'must be str or None')
  if (by === '') valueError('empty separator')
  const parts = isFromRight ? splitFromRight(run, text, by) : splitText(run, text, by)
  if (limit < 0 || parts.length <= limit + 1) return new ListValue(parts)
  if (isFromRight) {
    const kept = parts.length - limit
    return new ListValue([parts.slice(0, kept).join(by), ...parts.slice(kept)])
  }
  return new ListValue([...parts.slice(0, limit), parts.slice(limit).join(by)])
}

/** Overlapping separators are taken from the end. */
function splitFromRight(run: Run, text: string, by: string): string[] {
  const parts: string[] = []
  let end = text.length
  for (let at = lastBefore(text, by, end); at >= 0; at = lastBefore(text, by, end)) {
    run.step()
    parts.push(text.slice(at + by.length, end))
    end = at
  }
  parts.push(text.slice(0, end))
  return parts.reverse()
}

function lastBefore(text: string, by: string, end: number): number {
  return end < by.length ? -1 : text.lastIndexOf(by, end - by.length)
}

function wordsFromRight(run: Run, text: string, limit: number): string[] {
  const words = splitWords(run, backwards(run, text), limit)
  return words.map((word) => backwards(run, word)).reverse()
}

/** The characters from the last to the first. */
export function backwards(run: Run, text: string): string {
  run.step(text.length)
  return [...charactersOf(text)].reverse().join('')
}

function partition(text: string, separator: Value, isFromRight: boolean): Value {
  const by = needText(separator, 'must be str')
  if (by === '') valueError('empty separator')
  const at = isFromRight ? text.lastIndexOf(by) : text.indexOf(by)
  if (at < 0) return new TupleValue(isFromRight ? ['', '', text] : [text, '', ''])
  return new TupleValue([text.slice(0, at), by, text.slice(at + by.length)])
}

/** The texts of a value, joined. Throws TypeError for what is no text. */
export function joinTexts(run: Run, separator: string, values: Value): string {
  if (iteratorOf(values) === undefined) typeError('can only join an iterable')
  const texts = itemsOf(run, values).map(
    (item, index) =>
      textOf(item) ?? typeError(`sequence item ${index}: expected str instance, ${typeName(item)} found`),
  )
  const length = texts.reduce((sum, text) => sum + text.length, 0)
  run.text(length + separator.length * Math.max(0, texts.length - 1))
  return texts.join(separator)
}

function expandTabs(run: Run, text: string, size: number): string {
  let [result, column] = ['', 0]
  for (const character of text) {
    if (character === '\t') {
      const width = size > 0 ? size - (column % size) : 0
      run.text(width)
      result += ' '.repeat(width)
      column += width
    } else {
      result += character
      column = character === '\n' || character === '\r' ? 0 : column + 1
    }
  }
  return result
}

const splitting: Definition['parameters'] = [
  ['sep', null],
  ['maxsplit', -1n],
]

/** Methods by name. */
export const stringSplits: Readonly<Record<string, Definition>> = {
  split: textMethod(splitting, (run, text, by, most) => pieces(run, text, by ?? null, most as Value, false), false),
  rsplit: textMethod(splitting, (run, text, by, most) => pieces(run, text, by ?? null, most as Value, true), false),
  splitlines: textMethod(
    [['keepends', false]],
    (run, text, keepsEnds) => {
      return new ListValue(splitLines(run, text, isTrue(keepsEnds ?? false)))
    },
    false,
  ),
  partition: textMethod(['sep'], (_run, text, by) => partition(text, by ?? null, false)),
  rpartition: textMethod(['sep'], (_run, text, by) => partition(text, by ?? null, true)),
  join: textMethod(['iterable'], (run, text, values) => joinTexts(run, text, values ?? null)),
  expandtabs: textMethod(
    [['tabsize', 8n]],
    (run, text, size) => {
      run.step(text.length)
      return expandTabs(run, text, toIndex(size as Value))
    },
    false,
  ),
}

/** `trim` of Jinja2: strip with or without characters. */
export function trimText(text: string, characters: Value): string {
  return strip(text, characters === null ? null : needText(characters, 'strip arg must be None or str'))
}
