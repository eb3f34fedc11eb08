/** Cutting one or two sequences of ids to a length, by the rules of the Rust library (its `truncate_encodings`, stride 0). */
import { EspalierError } from '@espalier/core'

/** Which sequence loses tokens: the longer one first, or only the named one. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second'

/** Two sequences; the second is missing for a single text. */
export interface SequencePair {
  readonly a: readonly number[]
  readonly b: readonly number[] | undefined
}

/** Ids of both together. */
export function pairLength({ a, b }: SequencePair): number {
  return a.length + (b?.length ?? 0)
}

/** The pair, cut so that both together have at most maxLength ids. side: the end that loses them. Throws config.value when the strategy cannot. */
export function truncatePair(
  pair: SequencePair,
  maxLength: number,
  strategy: TruncationStrategy,
  side: 'left' | 'right',
): SequencePair {
  const total = pairLength(pair)
  if (total <= maxLength) return pair
  const excess = total - maxLength
  const cut = (ids: readonly number[], length: number) =>
    side === 'right' ? ids.slice(0, length) : ids.slice(ids.length - Math.min(length, ids.length))
  if (strategy === 'only_second') {
    if (pair.b === undefined) throw tooShort(strategy, 0, excess)
    if (pair.b.length <= excess) throw tooShort(strategy, pair.b.length, excess)
    return { a: pair.a, b: cut(pair.b, pair.b.length - excess) }
  }
  if (pair.b === undefined) return { a: cut(pair.a, maxLength), b: undefined }
  if (strategy === 'only_first') {
    if (pair.a.length <= excess) throw tooShort(strategy, pair.a.length, excess)
    return { a: cut(pair.a, pair.a.length - excess), b: pair.b }
  }
  const [lengthA, lengthB] = longestFirst(pair.a.length, pair.b.length, maxLength)
  return { a: cut(pair.a, lengthA), b: cut(pair.b, lengthB) }
}

/** The longer sequence is cut to what the shorter leaves; when that is not enough, both get half. */
function longestFirst(lengthA: number, lengthB: number, maxLength: number): [number, number] {
  let shorter = Math.min(lengthA, lengthB)
  let longer = shorter > maxLength ? shorter : Math.max(shorter, maxLength - shorter)
  if (shorter + longer > maxLength) {
    shorter = Math.floor(maxLength / 2)
    longer = shorter + (maxLength % 2)
  }
  return lengthA > lengthB ? [longer, shorter] : [shorter, longer]
}

function tooShort(strategy: TruncationStrategy, length: number, excess: number): EspalierError {
  return new EspalierError('config.value', {
    what: 'the sequence that truncation may cut is shorter than what must go',
    got: { truncation: strategy, length, excess },
    fix: 'Raise maxLength or use truncation "longest_first".',
  })
}
