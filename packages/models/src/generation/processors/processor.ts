/** What changes the logits of a row before its next token is chosen. */

/** logits (vocabulary): changed in place. ids: what the decoder has read, padding on the left included, as transformers' `input_ids`. */
export type LogitsProcessor = (logits: Float32Array, ids: readonly number[]) => void

/** Makes tokens impossible. */
export function forbid(logits: Float32Array, tokens: Iterable<number>): void {
  for (const token of tokens) if (token < logits.length) logits[token] = Number.NEGATIVE_INFINITY
}

/** Makes all other tokens impossible: the given ones get 0. */
export function force(logits: Float32Array, tokens: Iterable<number>): void {
  logits.fill(Number.NEGATIVE_INFINITY)
  for (const token of tokens) logits[token] = 0
}
