/** No n-gram twice: Paulus et al. 2017, "A deep reinforced model for abstractive summarization", section 2.5. */
import { forbid, type LogitsProcessor } from './processor.js'

/** Forbids tokens that would end a run of `size` tokens that was there before; transformers' `NoRepeatNGramLogitsProcessor`. */
export function noRepeatNgrams(size: number): LogitsProcessor {
  return (logits, ids) => forbid(logits, followers(ids, ids, size))
}

/** The same for runs of the encoder's tokens. */
export function noEncoderNgrams(size: number, source: readonly number[]): LogitsProcessor {
  return (logits, ids) => forbid(logits, followers(source, ids, size))
}

/** What follows in `text` on the last `size - 1` tokens of `ids`. */
function followers(text: readonly number[], ids: readonly number[], size: number): number[] {
  const prefix = size - 1
  if (ids.length + 1 < size) return []
  const found: number[] = []
  for (let end = prefix; end < text.length; end++) {
    let same = 0
    while (same < prefix && text[end - prefix + same] === ids[ids.length - prefix + same]) same++
    if (same === prefix) found.push(text[end] as number)
  }
  return found
}
