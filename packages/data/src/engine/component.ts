/** What the readers of tokenizer.json's components share: the kind of an entry, its pattern, and the error for one that is not known. */
import { EspalierError } from '@espalier/core'
import { asObject, fileError, type JsonObject } from '../tokenizer/json-value.js'
import { type FindAll, findExpression, findText } from './expression/finder.js'

export const FILE = 'tokenizer.json'
const DEEPEST = 32 // nesting of Sequence entries; real files have two
const MOST_CHARACTERS = 2 ** 27

/** The entry as an object, refused when it is nested too deeply. */
export function componentAt(place: string, value: unknown, depth: number): JsonObject {
  if (depth > DEEPEST) throw fileError(FILE, 'entries are nested too deeply', { place })
  return asObject(FILE, place, value)
}

/** The error for a component that this engine does not have. */
export function unknownComponent(place: string, type: unknown): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'a component of tokenizer.json is not supported',
    got: { file: FILE, component: place, type },
    fix: 'Use a tokenizer without it: ids that differ from those of Python would be wrong without a sign.',
  })
}

/** What a `pattern` entry finds. */
export function patternAt(place: string, value: unknown): FindAll {
  const { Regex, String: text } = asObject(
    FILE,
    `${place}.pattern`,
    typeof value === 'string' ? { String: value } : value,
  )
  if (typeof Regex === 'string') return findExpression(Regex)
  if (typeof text === 'string') return findText(text)
  throw fileError(FILE, 'a pattern has neither Regex nor String', { place })
}

/** A replacement of every match; a text that grows beyond all reason is refused. */
export function replacer(place: string, find: FindAll, content: string): (text: string) => string {
  return (text) => {
    const spans = find(text)
    if (spans.length === 0) return text
    if (text.length + spans.length * content.length > MOST_CHARACTERS) {
      throw fileError(FILE, 'a replacement makes a text of more than 134217728 characters', {
        place,
        replacements: spans.length,
      })
    }
    let result = ''
    let last = 0
    for (const [start, end] of spans) {
      result += text.slice(last, start) + content
      last = end
    }
    return result + text.slice(last)
  }
}

/** A boolean entry. Throws tokenizer.file for another kind. */
export function flagAt(config: JsonObject, place: string, key: string, otherwise: boolean): boolean {
  const value = config[key]
  if (value === undefined || value === null) return otherwise
  if (typeof value === 'boolean') return value
  throw fileError(FILE, 'a tokenizer file has a value of another kind than needed', {
    place: `${place}.${key}`,
    needed: 'boolean',
    found: typeof value,
  })
}

/** A whole number from 0. Throws tokenizer.file for anything else. */
export function countAt(config: JsonObject, place: string, key: string): number {
  const value = config[key]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw fileError(FILE, 'a count must be a whole number from 0', { place: `${place}.${key}`, found: value })
}
