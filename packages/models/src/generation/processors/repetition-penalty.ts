/** Penalties on tokens that occurred: Keskar et al. 2019, "CTRL", section 4.1; transformers' `RepetitionPenaltyLogitsProcessor`. */
import type { LogitsProcessor } from './processor.js'

/** Scores of what was read: x / penalty above 0, x * penalty below. A penalty above 1 makes them less likely. */
export function repetitionPenalty(penalty: number): LogitsProcessor {
  return (logits, ids) => penalize(logits, ids, penalty)
}

/** The same with 1 / penalty on the tokens that the encoder read: above 1 keeps to the source. */
export function encoderRepetitionPenalty(penalty: number, source: readonly number[]): LogitsProcessor {
  return (logits) => penalize(logits, source, 1 / penalty)
}

function penalize(logits: Float32Array, tokens: readonly number[], penalty: number): void {
  for (const token of new Set(tokens)) {
    const score = logits[token] as number
    logits[token] = score < 0 ? score * penalty : score / penalty
  }
}
