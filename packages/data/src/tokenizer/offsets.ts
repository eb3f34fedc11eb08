/**
 * Where in a text each of its tokens stands, which the engine does not tell: its parts run one after the other, and every character is
 * followed through them. Tokens are the engine's own.
 */
import {
  BPE,
  ByteLevelPreTokenizer,
  type Tokenizer as Engine,
  type PreTokenizer,
  SequencePreTokenizer,
  WordPiece,
} from '@huggingface/tokenizers'
import { type AlignedText, alignedText, normalizeAligned, type Range, rangeOver, sliceAligned } from './aligned-text.js'
import { characterOfByte } from './byte-alphabet.js'

/** A token and its range. */
export interface PlacedToken {
  readonly token: string
  readonly range: Range
}

/**
 * The tokens of a text without special ones around it, each with its range; undefined where characters are lost on the way. trims:
 * whether ranges leave out the space that a byte-level token begins or ends with.
 */
export function placedTokens(engine: Engine, text: string, trims: boolean): PlacedToken[] | undefined {
  const { normalizer } = engine
  const added = [...engine.get_added_tokens_decoder().values()]
  const early = added.filter(({ normalized }) => !normalized || normalizer === null)
  const late = added.filter((token) => !early.includes(token))
  const found: PlacedToken[] = []
  for (const [index, { part, token }] of sections(alignedText(text), early, (content) => content).entries()) {
    if (token !== undefined) found.push({ token, range: rangeOver(part.ranges) })
    if (token !== undefined) continue
    const normalized = normalizer === null ? part : normalizeAligned(part, normalizer)
    const asWritten = (content: string) => normalizer?.normalize(content) ?? content
    for (const { part: own, token: inner } of sections(normalized, late, asWritten)) {
      if (inner !== undefined) found.push({ token: inner, range: rangeOver(own.ranges) })
      if (inner !== undefined) continue
      const placed = sectionTokens(engine, own, index)
      if (placed === undefined) return undefined
      found.push(...placed)
    }
  }
  return trims ? found.map(({ token, range }) => ({ token, range: trimmed(text, range) })) : found
}

interface Section {
  readonly part: AlignedText
  /** The added token that the part is. */
  readonly token?: string
}

interface Added {
  readonly content: string
  readonly lstrip: boolean
  readonly rstrip: boolean
}

// The text between added tokens, and these; longer ones first, and without the space that they take.
function sections(given: AlignedText, added: readonly Added[], written: (content: string) => string): Section[] {
  const byText = new Map(added.map((token) => [written(token.content), token]))
  const texts = [...byText.keys()].filter((text) => text !== '').sort((a, b) => b.length - a.length)
  if (texts.length === 0) return given.text === '' ? [] : [{ part: given }]
  const pattern = new RegExp(texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g')
  const found: Section[] = []
  let from = 0
  let takesSpace = false
  const between = (end: number, isTrimmed: boolean) => {
    const text = given.text.slice(from, end)
    const start = takesSpace ? end - text.trimStart().length : from
    const stop = isTrimmed ? Math.max(start, from + text.trimEnd().length) : end
    if (stop > start) found.push({ part: sliceAligned(given, start, stop) })
  }
  for (const { 0: match, index } of given.text.matchAll(pattern)) {
    const { content, lstrip, rstrip } = byText.get(match) as Added
    between(index, lstrip)
    found.push({ part: sliceAligned(given, index, index + match.length), token: content })
    from = index + match.length
    takesSpace = rstrip
  }
  between(given.text.length, false)
  return found
}

/** A character of a word, or the character that spells a byte, and where it came from. */
interface Unit {
  readonly character: string
  readonly range: Range
}

function sectionTokens(engine: Engine, section: AlignedText, index: number): PlacedToken[] | undefined {
  const { pre_tokenizer: splitter, model } = engine
  if (model === null) return undefined
  const words = splitter === null ? [section.text] : splitter.pre_tokenize(section.text, { section_index: index })
  const units = spellsBytes(splitter) ? bytesOf(section) : charactersOf(section)
  const found: PlacedToken[] = []
  let at = 0
  for (const word of words) {
    const placed = follow(word, units, at)
    const tokens = placed && wordTokens(model, placed.word)
    if (placed === undefined || tokens === undefined) return undefined
    found.push(...tokens)
    at = placed.end
  }
  return model.fuse_unk ? fused(model, found) : found
}

function spellsBytes(splitter: PreTokenizer | null): boolean {
  if (splitter instanceof SequencePreTokenizer) return splitter.tokenizers.some(spellsBytes)
  return splitter instanceof ByteLevelPreTokenizer
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

type TokenModel = NonNullable<Engine['model']>

const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/

// The tokens of a word, whose texts are the word's parts; one that is unknown, or spells a byte, is no such text.
function wordTokens(model: TokenModel, word: readonly Unit[]): PlacedToken[] | undefined {
  const found: PlacedToken[] = []
  let at = 0
  let bytesLeft = 0
  for (const token of model.encode([word.map(({ character }) => character).join('')])) {
    const text = [...textOf(model, token, found.length)]
    const isText = text.every((character, i) => word[at + i]?.character === character)
    if (isText) {
      found.push({ token, range: over(word, at, at + text.length) })
      at += text.length
    } else if (BYTE_TOKEN.test(token)) {
      if (bytesLeft === 0) bytesLeft = new TextEncoder().encode(word[at]?.character ?? '').length
      found.push({ token, range: over(word, at, at + 1) })
      bytesLeft -= 1
      if (bytesLeft === 0) at += 1
    } else if (token === model.unk_token) {
      const size = model instanceof WordPiece ? word.length - at : 1
      found.push({ token, range: over(word, at, at + size) })
      at += size
    } else return undefined
  }
  return at === word.length ? found : undefined
}

function textOf(model: TokenModel, token: string, index: number): string {
  const { continuing_subword_prefix: prefix } = model.config as { continuing_subword_prefix?: string | null }
  if (model instanceof WordPiece && index > 0 && prefix != null && token.startsWith(prefix))
    return token.slice(prefix.length)
  const suffix = model instanceof BPE ? model.end_of_word_suffix : undefined
  return suffix != null && suffix !== '' && token.endsWith(suffix) ? token.slice(0, -suffix.length) : token
}

function over(word: readonly Unit[], from: number, to: number): Range {
  return rangeOver(word.slice(from, to).map(({ range }) => range))
}

// Unknown tokens that follow each other are one.
function fused({ tokens_to_ids, unk_token_id }: TokenModel, tokens: readonly PlacedToken[]): PlacedToken[] {
  const isUnknown = ({ token }: PlacedToken) => (tokens_to_ids.get(token) ?? unk_token_id) === unk_token_id
  const found: PlacedToken[] = []
  for (const placed of tokens) {
    const last = found.at(-1)
    if (last !== undefined && isUnknown(placed) && isUnknown(last))
      found[found.length - 1] = { token: last.token, range: [last.range[0], placed.range[1]] }
    else found.push(placed)
  }
  return found
}

// Of space, only that of the alphabet's own character is left out.
function trimmed(text: string, [start, end]: Range): Range {
  let [from, to] = [start, end]
  while (from < to && text[from] === ' ') from += 1
  while (to > from && text[to - 1] === ' ') to -= 1
  return [from, to]
}
