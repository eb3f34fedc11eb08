/** Suppressed tokens, and what a row begins with: transformers' `SuppressTokens`, `SuppressTokensAtBegin` and `ForcedBOSToken` processors. */
import { forbid, force, type LogitsProcessor } from './processor.js'

/** Tokens that never come. */
export function suppress(tokens: readonly number[]): LogitsProcessor {
  return (logits) => forbid(logits, tokens)
}

/** Tokens that do not come right behind `length` tokens. */
export function suppressAt(length: number, tokens: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length === length) forbid(logits, tokens)
  }
}

/** The token behind a single one, such as the start token of a decoder. */
export function forcedFirst(token: number): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length === 1) force(logits, [token])
  }
}
