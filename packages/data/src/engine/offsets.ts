/**
 * Where in a text each of its ids stands: the engine's parts run one after the other, and every character is followed through them. Ids
 * are the model's own.
 */
import type { AddedVocabulary } from './added-vocabulary.js'
import { type AlignedText, alignedText, normalizeAligned, type Range, rangeOver, sliceAligned } from './aligned-text.js'
import { characterOfByte } from './characters.js'
import { isByteToken } from './decoders.js'
import type { Model, Spelling } from './model.js'
import type { Normalize } from './normalizers.js'
import type { PreTokenize } from './pre-tokenizers.js'

/** An id and its range. */
export interface PlacedId {
  readonly id: number
  readonly range: Range
}

/** The parts of an engine. */
export interface EngineParts {
  readonly raw: AddedVocabulary
  readonly normalized: AddedVocabulary
  readonly normalizers: readonly Normalize[]
  readonly preTokenize: PreTokenize | undefined
  /** Whether the pre-tokenizer spells bytes as characters. */
  readonly spellsBytes: boolean
  readonly model: Model
  readonly vocabulary: ReadonlyMap<string, number>
  readonly tokens: ReadonlyMap<number, string>
}

/**
 * The ids of a text without special ones around it, each with its range; undefined where characters are lost on the way. trims: whether
 * ranges leave out the space that a byte-level token begins or ends with.
 */
export function placedIds(parts: EngineParts, text: string, trims: boolean): PlacedId[] | undefined {
  const found: PlacedId[] = []
  for (const { part, id } of sections(alignedText(text), parts.raw)) {
    if (id !== undefined) found.push({ id, range: rangeOver(part.ranges) })
    if (id !== undefined) continue
    const isFirst = part.ranges[0]?.[0] === 0
    const normalized = parts.normalizers.reduce(normalizeAligned, part)
    for (const { part: own, id: inner } of sections(normalized, parts.normalized)) {
      if (inner !== undefined) found.push({ id: inner, range: rangeOver(own.ranges) })
      if (inner !== undefined) continue
      const placed = sectionIds(parts, own, isFirst && own.ranges[0]?.[0] === 0)
      if (placed === undefined) return undefined
      found.push(...placed)
    }
  }
  return trims ? found.map(({ id, range }) => ({ id, range: trimmed(text, range) })) : found
}

function sections(given: AlignedText, added: AddedVocabulary): { part: AlignedText; id: number | undefined }[] {
  return added
    .split(given.text)
    .map(({ text, id, start }) => ({ part: sliceAligned(given, start, start + text.length), id }))
}

/** A character of a word, or the character that spells a byte, and where it came from. */
interface Unit {
  readonly character: string
  readonly range: Range
}

function sectionIds(parts: EngineParts, section: AlignedText, isFirst: boolean): PlacedId[] | undefined {
  const piece = { text: section.text, isFirst }
  const words = parts.preTokenize?.([piece]) ?? [piece]
  const units = parts.spellsBytes ? bytesOf(section) : charactersOf(section)
  const found: PlacedId[] = []
  let at = 0
  for (const { text } of words) {
    const placed = follow(text, units, at)
    const ids = placed && wordIds(parts, placed.word)
    if (placed === undefined || ids === undefined) return undefined
    found.push(...ids)
    at = placed.end
  }
  return found
}

function charactersOf({ text, ranges }: AlignedText): Unit[] {
  const units: Unit[] = []
  let at = 0
  for (const character of text) {
    units.push({ character, range: ranges[at] as Range })
    at += character.length
  }
  return units
}

function bytesOf(section: AlignedText): Unit[] {
  const encoder = new TextEncoder()
  return charactersOf(section).flatMap(({ character, range }) =>
    Array.from(encoder.encode(character), (byte) => ({ character: characterOfByte[byte] as string, range })),
  )
}

// Space is what splitting takes away, adds in front, or writes otherwise.
const SPACE = /^[\s\u0120\u010A\u010D\u0109\u2581]$/

// Where the characters of a word came from, from a unit on.
function follow(word: string, units: readonly Unit[], from: number): { word: Unit[]; end: number } | undefined {
  const found: Unit[] = []
  let at = from
  const isSpace = (unit: Unit | undefined) => unit !== undefined && SPACE.test(unit.character)
  for (const character of word) {
    const isSpaceHere = SPACE.test(character)
    while (!isSpaceHere && isSpace(units[at])) at += 1
    const unit = units[at]
    if (unit !== undefined && written(unit.character) === written(character)) {
      found.push({ character, range: unit.range })
      at += 1
    } else if (isSpaceHere) {
      found.push({ character, range: (unit ?? units.at(-1))?.range ?? [0, 0] }) // added: it is of the character beside it
    } else return undefined
  }
  return { word: found, end: at }
}

function written(character: string): string {
  return character === '\u2581' ? ' ' : character
}

// The tokens of a word, whose texts are the word's parts; one that is unknown, or spells a byte, is no such text.
function wordIds({ model, tokens, vocabulary }: EngineParts, word: readonly Unit[]): PlacedId[] | undefined {
  const text = word.map(({ character }) => character).join('')
  const found: PlacedId[] = []
  let at = 0
  let bytesLeft = 0
  for (const id of text === '' ? [] : model.encode(text)) {
    const token = tokens.get(id) ?? ''
    const own = [...textOf(model.spelling, token, found.length)]
    if (own.every((character, i) => word[at + i]?.character === character)) {
      found.push({ id, range: over(word, at, at + own.length) })
      at += own.length
    } else if (isByteToken(token)) {
      if (bytesLeft === 0) bytesLeft = new TextEncoder().encode(word[at]?.character ?? '').length
      found.push({ id, range: over(word, at, at + 1) })
      bytesLeft -= 1
      if (bytesLeft === 0) at += 1
    } else {
      const size = unknownSize(model.spelling, token, vocabulary, word, at)
      if (size === 0) return undefined
      found.push({ id, range: over(word, at, at + size) })
      at += size
    }
  }
  return at === word.length ? found : undefined
}

// How many characters from a place on the unknown token stands for; none where it is another token.
function unknownSize(
  { unknown, unknownSpan }: Spelling,
  token: string,
  vocabulary: ReadonlyMap<string, number>,
  word: readonly Unit[],
  at: number,
): number {
  if (token !== unknown) return 0
  if (unknownSpan === 'piece') return word.length - at
  let end = at + 1
  if (unknownSpan === 'run') while (end < word.length && !vocabulary.has((word[end] as Unit).character)) end += 1
  return end - at
}

function textOf({ prefix, suffix }: Spelling, token: string, index: number): string {
  if (index > 0 && prefix !== '' && token.startsWith(prefix)) return token.slice(prefix.length)
  return suffix !== '' && token.endsWith(suffix) ? token.slice(0, -suffix.length) : token
}

function over(word: readonly Unit[], from: number, to: number): Range {
  return rangeOver(word.slice(from, to).map(({ range }) => range))
}

// Of space, only that of the alphabet's own character is left out.
function trimmed(text: string, [start, end]: Range): Range {
  let [from, to] = [start, end]
  while (from < to && text[from] === ' ') from += 1
  while (to > from && text[to - 1] === ' ') to -= 1
  return [from, to]
}
