/**
 * What the base model reads: rows of verses, and rows made from verses and words that teach it to look back (copying what stood
 * before, with names exchanged so that nothing but looking back helps). Nothing of the quickstart's skill is in it.
 */
import type { Tokenizer } from '@espalier/data'
import type { Verse } from './debian-text.js'
import { Draw } from './draw.js'
import { END_TOKEN } from './train-tokenizer.js'

/** Rows of token ids, as many as wanted. */
export interface Corpus {
  /** The row of a number; the same number gives the same row. */
  row(index: number, length: number): number[]
  /** Plain verses that no row shows, one after the other, cut into rows. */
  heldOut(length: number): number[][]
}

const HELD_OUT_SHARE = 0.01
const NAME_LEAST = 12 // occurrences
const SMALL_WORDS = 60 // the most frequent words, which digests leave out
const SHORT_VERSE = 140 // characters
const NAMED_SHARE = 0.7 // of the verses that are changed or repeated

/** The corpus of these verses. */
export function createCorpus(verses: readonly Verse[], tokenizer: Tokenizer, seed: number): Corpus {
  const cut = Math.floor(verses.length * (1 - HELD_OUT_SHARE))
  const shown = verses.slice(0, cut)
  const words = new Words(shown)
  const short = shown.map(({ text }) => text).filter((text) => text.length < SHORT_VERSE)
  const named = short.filter((text) => words.hasName(text))
  const source = (draw: Draw) => draw.pick(draw.next() < NAMED_SHARE ? named : short)
  const encode = cached((text) => tokenizer.encode(text).inputIds)
  const end = tokenizer.tokenToId(END_TOKEN) as number
  const lines = (verse: Verse, next: Verse | undefined) =>
    verse.chapter === next?.chapter ? encode(`${verse.text}\n`) : [...encode(`${verse.text}\n`), end]

  const plain = (draw: Draw, length: number) => {
    const ids: number[] = []
    for (let i = draw.whole(0, shown.length - 1); ids.length < length; i = (i + 1) % shown.length)
      ids.push(...lines(shown[i] as Verse, shown[i + 1]))
    return ids
  }
  const kinds: readonly [upTo: number, make: (draw: Draw, length: number) => number[]][] = [
    [0.3, plain],
    [0.55, (draw, length) => repeated(draw, length, source, words, encode)],
    [0.75, (draw, length) => lists(draw, length, words, encode)],
    [0.85, (draw, length) => digests(draw, length, () => source(draw), words, encode)],
    [1, (draw, length) => indexes(draw, length, () => draw.pick(named), words, encode)],
  ]
  return {
    row(index, length) {
      const draw = new Draw(seed, index)
      const kind = draw.next()
      const make = kinds.find(([upTo]) => kind < upTo)?.[1] ?? plain
      return make(draw, length).slice(0, length)
    },
    heldOut(length) {
      const ids = verses.slice(cut).flatMap((verse, i) => lines(verse, verses[cut + i + 1]))
      return Array.from({ length: Math.floor(ids.length / length) }, (_, i) => ids.slice(i * length, (i + 1) * length))
    },
  }
}

type Encode = (text: string) => readonly number[]

/** A few verses with other names in them, then pieces of them again. */
function repeated(draw: Draw, length: number, source: (draw: Draw) => string, words: Words, encode: Encode): number[] {
  const chosen = Array.from({ length: draw.whole(1, 3) }, () => words.withOtherNames(source(draw), draw))
  const ids = chosen.flatMap((text) => encode(`${text}\n`))
  while (ids.length < length) {
    const parts = draw.pick(chosen).split(' ')
    const from = draw.next() < 0.5 ? 0 : draw.whole(0, Math.max(0, parts.length - 4))
    ids.push(...encode(`${parts.slice(from, from + draw.whole(4, 24)).join(' ')}\n`))
  }
  return ids
}

/** Words in a row, then the same words again: in the same order, or in pairs in another order. */
function lists(draw: Draw, length: number, words: Words, encode: Encode): number[] {
  const ids: number[] = []
  while (ids.length < length) {
    const pairs = Array.from({ length: draw.whole(3, 7) }, () => [words.any(draw), words.any(draw)] as const)
    const shuffles = draw.next() < 0.6
    for (let i = 0; i < 3; i++) {
      const order = shuffles ? draw.shuffled(pairs) : pairs
      for (const word of order.map((pair) => ` ${pair.join(shuffles ? ',' + ' ' : ' ')}${shuffles ? ';' : ''}`))
        ids.push(...encode(word))
      ids.push(...encode('.\n'))
    }
  }
  return ids
}

/** Verses with other names in them, each followed by its words that are not small. */
function digests(draw: Draw, length: number, source: () => string, words: Words, encode: Encode): number[] {
  const ids: number[] = []
  while (ids.length < length) {
    const text = words.withOtherNames(source(), draw)
    ids.push(...encode(`${text}\n`), ...encode(` ${words.digest(text)}.\n`))
  }
  return ids
}

/** Verses with other names in them, each followed by its names with the word before each. */
function indexes(draw: Draw, length: number, source: () => string, words: Words, encode: Encode): number[] {
  const ids: number[] = []
  while (ids.length < length) {
    const text = words.withOtherNames(source(), draw)
    ids.push(...encode(`${text}\n`), ...encode(` ${words.namesOf(text).join(', ')}.\n`))
  }
  return ids
}

/** What the verses' words are: names, others, small ones. */
export class Words {
  readonly names: readonly string[]
  private readonly isName: ReadonlySet<string>
  private readonly others: readonly string[]
  private readonly small: ReadonlySet<string>

  constructor(verses: readonly Verse[]) {
    const lower = new Map<string, number>()
    const inner = new Map<string, number>()
    for (const { text } of verses) {
      for (const [word] of text.matchAll(/\b[a-z]+\b/g)) lower.set(word, (lower.get(word) ?? 0) + 1)
      for (const [word] of text.matchAll(/(?<=[a-z,;] )[A-Z][a-z]+\b/g)) inner.set(word, (inner.get(word) ?? 0) + 1)
    }
    const byCount = [...lower].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    this.small = new Set(byCount.slice(0, SMALL_WORDS).map(([word]) => word))
    this.others = byCount.filter(([, count]) => count >= NAME_LEAST).map(([word]) => word)
    this.names = [...inner]
      .filter(([word, count]) => count >= NAME_LEAST && !lower.has(word.toLowerCase()))
      .map(([word]) => word)
    this.isName = new Set(this.names)
  }

  any(draw: Draw): string {
    return draw.pick(draw.next() < 0.6 ? this.names : this.others)
  }

  hasName(text: string): boolean {
    return (text.match(/\b[A-Z][a-z]+\b/g) ?? []).some((word) => this.isName.has(word))
  }

  /** The text with each of its names exchanged for another, the same for the same. */
  withOtherNames(text: string, draw: Draw): string {
    const given = new Map<string, string>()
    return text.replace(/\b[A-Z][a-z]+\b/g, (word) => {
      if (!this.isName.has(word)) return word
      const other = given.get(word) ?? draw.pick(this.names)
      given.set(word, other)
      return other
    })
  }

  /** The text's names, each with the word before it. */
  namesOf(text: string): string[] {
    const parts = text.match(/[A-Za-z]+/g) ?? []
    return parts.flatMap((part, i) => (this.isName.has(part) ? [`${i > 0 ? `${parts[i - 1]} ` : ''}${part}`] : []))
  }

  digest(text: string): string {
    return (text.match(/[A-Za-z]+/g) ?? []).filter((word) => !this.small.has(word.toLowerCase())).join(' ')
  }
}

function cached(encode: Encode): Encode {
  const known = new Map<string, readonly number[]>()
  return (text) => {
    const found = known.get(text) ?? encode(text)
    if (known.size < 100_000) known.set(text, found)
    return found
  }
}
