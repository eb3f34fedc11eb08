/** A text on its way through a tokenizer's normalizers, where every character keeps the place in the original that it came from. */

/** A range of the original text in UTF-16 units, as `slice` takes them. */
export type Range = readonly [start: number, end: number]

/** A text and where each of its UTF-16 units came from; an empty range where it came from nowhere. */
export interface AlignedText {
  readonly text: string
  readonly ranges: readonly Range[]
}

/** A text that came from itself. offset: where it stands in the original. */
export function alignedText(text: string, offset = 0): AlignedText {
  const ranges: Range[] = []
  for (const character of text) {
    const start = offset + ranges.length
    for (let i = 0; i < character.length; i++) ranges.push([start, start + character.length])
  }
  return { text, ranges }
}

/** A part of it. */
export function sliceAligned({ text, ranges }: AlignedText, start: number, end?: number): AlignedText {
  return { text: text.slice(start, end), ranges: ranges.slice(start, end) }
}

/**
 * What a normalizer makes of it. Most change characters by themselves, which then keep their places. Where neighbours matter, places are
 * those of what is equal before and behind, of the characters that a composed one is made of, or else of the whole word.
 */
export function normalizeAligned(given: AlignedText, normalize: (text: string) => string): AlignedText {
  const made = normalize(given.text)
  if (made === given.text) return given
  return (
    bySegments(given, made, [...given.text], normalize) ??
    byEnds(given, made) ??
    byCount(given, made) ??
    bySegments(given, made, graphemes(given.text), normalize) ??
    byWords(given, made)
  )
}

// Each segment by itself, where together they make the same.
function bySegments(
  given: AlignedText,
  made: string,
  segments: readonly string[],
  normalize: (segment: string) => string,
): AlignedText | undefined {
  const known = new Map<string, string>()
  const ranges: Range[] = []
  let text = ''
  let at = 0
  for (const segment of segments) {
    const own = known.get(segment) ?? normalize(segment)
    known.set(segment, own)
    const sources = characterRanges(sliceAligned(given, at, at + segment.length))
    let character = 0
    for (const piece of own) {
      const range = sources[Math.min(character++, sources.length - 1)] as Range
      for (let i = 0; i < piece.length; i++) ranges.push(range)
    }
    text += own
    at += segment.length
  }
  return text === made ? { text, ranges } : undefined
}

function graphemes(text: string): string[] {
  return Array.from(new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(text), ({ segment }) => segment)
}

// Something was put before or behind, which is then of the character beside it, or taken away there. Space that is left at an end may be any
// of what was there: that is told below.
function byEnds({ text, ranges }: AlignedText, made: string): AlignedText | undefined {
  const inside = text.indexOf(made)
  if (inside >= 0 && made === made.trim()) return { text: made, ranges: ranges.slice(inside, inside + made.length) }
  const before = made.indexOf(text)
  if (before < 0 || ranges.length === 0) return undefined
  const behind = made.length - before - text.length
  const [first, last] = [ranges[0] as Range, ranges.at(-1) as Range]
  const repeated = (count: number, range: Range) => new Array<Range>(count).fill(range)
  return { text: made, ranges: [...repeated(before, first), ...ranges, ...repeated(behind, last)] }
}

// As many characters as before.
function byCount(given: AlignedText, made: string): AlignedText | undefined {
  const characters = [...made]
  const sources = characterRanges(given)
  if (characters.length !== sources.length) return undefined
  const ranges = characters.flatMap((character, i) => new Array<Range>(character.length).fill(sources[i] as Range))
  return { text: made, ranges }
}

const WORDS = /\S+/g

function byWords(given: AlignedText, made: string): AlignedText {
  const [before, after] = [[...given.text.matchAll(WORDS)], [...made.matchAll(WORDS)]]
  if (before.length !== after.length) return spread(given, made)
  const ranges: Range[] = []
  let at = 0
  const gap = (end: number, to: number) => {
    const source = sliceAligned(given, at, end)
    ranges.push(...bySuffix(source, made.slice(ranges.length, to)).ranges)
  }
  for (const [i, { 0: word, index }] of after.entries()) {
    const { 0: old, index: from } = before[i] as RegExpExecArray
    gap(from, index)
    const source = sliceAligned(given, from, from + old.length)
    ranges.push(...(old === word ? source : (byCount(source, word) ?? spread(source, word))).ranges)
    at = from + old.length
  }
  gap(given.text.length, made.length)
  return { text: made, ranges }
}

// What is equal at the end, and then at the start, stays what it was: of space that was made shorter, the last is left.
function bySuffix(given: AlignedText, made: string): AlignedText {
  const { text, ranges } = given
  const most = Math.min(text.length, made.length)
  let behind = 0
  while (behind < most && text.at(-1 - behind) === made.at(-1 - behind)) behind += 1
  let before = 0
  while (before < most - behind && text[before] === made[before]) before += 1
  const middle = spread(sliceAligned(given, before, text.length - behind), made.slice(before, made.length - behind))
  return { text: made, ranges: [...ranges.slice(0, before), ...middle.ranges, ...ranges.slice(text.length - behind)] }
}

function spread({ ranges }: AlignedText, text: string): AlignedText {
  return { text, ranges: new Array<Range>(text.length).fill(rangeOver(ranges)) }
}

// One range per character, also of those of two units.
function characterRanges({ text, ranges }: AlignedText): Range[] {
  const found: Range[] = []
  let at = 0
  for (const character of text) {
    found.push(ranges[at] as Range)
    at += character.length
  }
  return found
}

/** From the first one's start to the last one's end; [0, 0] of none. */
export function rangeOver(ranges: readonly Range[]): Range {
  const [first, last] = [ranges[0], ranges.at(-1)]
  return first === undefined || last === undefined ? [0, 0] : [first[0], last[1]]
}
