/** Cuts a text at matches, in the five ways of the Rust library. */
import { EspalierError } from '@espalier/core'
import type { FindAll, Span } from './expression/finder.js'

/** What becomes of a match: cut out, a piece of its own, or part of a neighbour. */
export type SplitBehavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

const behaviors: Readonly<Record<string, SplitBehavior>> = {
  removed: 'Removed',
  isolated: 'Isolated',
  mergedwithprevious: 'MergedWithPrevious',
  mergedwithnext: 'MergedWithNext',
  contiguous: 'Contiguous',
}

/** The behavior that a file names. Throws config.unsupported. */
export function parseBehavior(place: string, value: unknown): SplitBehavior {
  const found = typeof value === 'string' ? behaviors[value.toLowerCase().replaceAll('_', '')] : undefined
  if (found !== undefined) return found
  throw new EspalierError('config.unsupported', {
    what: 'a way of splitting is not known',
    got: { file: 'tokenizer.json', place, behavior: value, known: Object.values(behaviors) },
    fix: 'Use a tokenizer that splits in one of the known ways.',
  })
}

interface Cut {
  start: number
  end: number
  readonly isMatch: boolean
}

/** The pieces of a text, empty ones left out. invert: what does not match is the match. */
export function splitText(text: string, find: FindAll, behavior: SplitBehavior, invert = false): string[] {
  if (behavior === 'Removed' || behavior === 'Isolated') return splitSimply(text, find(text), behavior, invert)
  const cuts = cutsOf(text, find(text), invert)
  const merged = behavior === 'Contiguous' ? contiguous(cuts) : withNeighbour(cuts, behavior === 'MergedWithNext')
  return merged.filter(({ start, end }) => end > start).map(({ start, end }) => text.slice(start, end))
}

function splitSimply(text: string, spans: readonly Span[], behavior: SplitBehavior, invert: boolean): string[] {
  const [keepsMatches, keepsGaps] = behavior === 'Isolated' ? [true, true] : [invert, !invert]
  const pieces: string[] = []
  let last = 0
  for (const [start, end] of spans) {
    if (keepsGaps && start > last) pieces.push(text.slice(last, start))
    if (keepsMatches && end > start) pieces.push(text.slice(start, end))
    last = end
  }
  if (keepsGaps && text.length > last) pieces.push(text.slice(last))
  return pieces
}

function cutsOf(text: string, spans: readonly Span[], invert: boolean): Cut[] {
  const cuts: Cut[] = []
  let last = 0
  for (const [start, end] of spans) {
    if (start > last) cuts.push({ start: last, end: start, isMatch: invert })
    cuts.push({ start, end, isMatch: !invert })
    last = end
  }
  if (text.length > last || cuts.length === 0) cuts.push({ start: last, end: text.length, isMatch: invert })
  return cuts
}

function contiguous(cuts: readonly Cut[]): Cut[] {
  const merged: Cut[] = []
  let wasMatch = false
  for (const cut of cuts) {
    const last = merged.at(-1)
    if (last !== undefined && cut.isMatch === wasMatch) last.end = cut.end
    else merged.push({ ...cut })
    wasMatch = cut.isMatch
  }
  return merged
}

function withNeighbour(cuts: readonly Cut[], next: boolean): Cut[] {
  const merged: Cut[] = []
  let wasMatch = false
  for (const cut of next ? [...cuts].reverse() : cuts) {
    const last = merged.at(-1)
    if (cut.isMatch && !wasMatch && last !== undefined) {
      if (next) last.start = cut.start
      else last.end = cut.end
    } else merged.push({ ...cut })
    wasMatch = cut.isMatch
  }
  return next ? merged.reverse() : merged
}
