/** Long texts as windows that overlap, by the rules of the Rust library (its overflowing encodings). */
import { EspalierError } from '@espalier/core'
import type { Range } from '../engine/aligned-text.js'
import type { Encoding } from './padding.js'
import { addedTokenCount, assemble, type PostProcessor } from './post-process.js'

/** How a text, or one of two, is cut into windows. */
export interface WindowOptions {
  /** Most ids of one window, special tokens included. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number
  /** Tokens that a window has in common with the one before. Default 0. */
  readonly stride?: number
  /** Which text of two is cut. Default "only_second". */
  readonly truncation?: 'only_first' | 'only_second'
}

/** Ids, and where they stand. */
export interface PlacedEncoding extends Encoding {
  /** Range of each token in its text, in UTF-16 units as `slice` takes them; [0, 0] of special ones. */
  readonly offsetMapping: readonly Range[]
  /** The text that each token is of, 0 or 1; null of special ones. */
  readonly sequenceIds: readonly (number | null)[]
}

/** Ids of a text with their ranges. */
export interface PlacedIds {
  readonly ids: readonly number[]
  readonly offsets: readonly Range[]
}

/** What the windows are made with. */
export interface WindowRequest extends Required<WindowOptions> {
  readonly postProcessor: PostProcessor
  /** The end at which the text is cut. */
  readonly side: 'left' | 'right'
}

/** The windows, at least one. Throws config.value where special tokens and the other text leave no room beyond the stride. */
export function windowsOf(first: PlacedIds, second: PlacedIds | undefined, request: WindowRequest): PlacedEncoding[] {
  const { maxLength, stride, truncation, postProcessor, side } = request
  const cutsSecond = second !== undefined && truncation === 'only_second'
  const [cut, whole] = cutsSecond ? [second, first] : [first, second]
  const fixed = addedTokenCount(postProcessor, second !== undefined) + (whole?.ids.length ?? 0)
  const room = maxLength - fixed
  const length = cut.ids.length
  const isCut = length > room
  if (isCut && !(Number.isInteger(stride) && stride >= 0 && room > stride))
    throw new EspalierError('config.value', {
      what: 'there is no room for a window beyond what windows have in common',
      got: { maxLength, stride, specialTokensAndOtherText: fixed },
      fix: 'Raise maxLength, or lower the stride',
    })
  const spans = isCut ? spansOf(length, room, room - stride, side) : [[0, length] as const]
  return spans.map(([from, to]) => {
    const part = { ids: cut.ids.slice(from, to), offsets: cut.offsets.slice(from, to) }
    const [a, b] = cutsSecond ? [first, part] : [part, second]
    return placed(postProcessor, a, b, length - (to - from))
  })
}

function spansOf(length: number, size: number, step: number, side: 'left' | 'right'): (readonly [number, number])[] {
  const spans: (readonly [number, number])[] = []
  if (side === 'right')
    for (let from = 0, to = 0; to < length; from += step) {
      to = Math.min(from + size, length)
      spans.push([from, to])
    }
  else
    for (let to = length, from = length; from > 0; to -= step) {
      from = Math.max(0, to - size)
      spans.push([from, to])
    }
  return spans
}

function placed(
  postProcessor: PostProcessor,
  a: PlacedIds,
  b: PlacedIds | undefined,
  numTruncatedTokens: number,
): PlacedEncoding {
  const { ids, typeIds, specialMask, sequenceIds } = assemble(postProcessor, a.ids, b?.ids, true)
  const next = [0, 0]
  const offsetMapping = sequenceIds.map((sequence): Range => {
    if (sequence === null) return [0, 0]
    const index = next[sequence] as number
    next[sequence] = index + 1
    return (sequence === 0 ? a : (b as PlacedIds)).offsets[index] as Range
  })
  return {
    inputIds: ids,
    attentionMask: ids.map(() => 1),
    tokenTypeIds: typeIds,
    specialTokensMask: specialMask,
    numTruncatedTokens,
    offsetMapping,
    sequenceIds,
  }
}
