/** When a row may end: transformers' `MinLengthLogitsProcessor`, `ForcedEOSTokenLogitsProcessor` and `ExponentialDecayLengthPenalty`. */
import { forbid, force, type LogitsProcessor } from './processor.js'

/** No end token before `length` tokens were read. */
export function noEndBefore(length: number, ends: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length < length) forbid(logits, ends)
  }
}

/** The last of `length` tokens is one of `ends`. */
export function endAt(length: number, ends: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length === length - 1) force(logits, ends)
  }
}

/** Raises end tokens more and more once over `length` tokens were read: x + |x| (factor^(tokens over) - 1). */
export function growingEnd(length: number, factor: number, ends: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length <= length) return
    for (const end of ends) {
      const score = logits[end] as number
      logits[end] = score + Math.abs(score) * (factor ** (ids.length - length) - 1)
    }
  }
}
