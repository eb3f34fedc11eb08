/** Numbers added to the last token of given sequences: transformers' `SequenceBiasLogitsProcessor` and `NoBadWordsLogitsProcessor`. */
import type { LogitsProcessor } from './processor.js'

/** A sequence of tokens, and what its last one gets where the others were read just before. */
export type SequenceBias = readonly [sequence: readonly number[], bias: number]

/** Adds the bias of each sequence that the next token may complete. A sequence given twice counts once, with its last bias. */
export function sequenceBias(biases: readonly SequenceBias[]): LogitsProcessor {
  const once = [...new Map(biases.map(([sequence, bias]) => [sequence.join(), { sequence, bias }])).values()]
  return (logits, ids) => {
    for (const { sequence, bias } of once) {
      const prefix = sequence.length - 1
      const last = sequence[prefix] as number
      const starts = ids.length - prefix
      if (starts >= 0 && sequence.every((token, i) => i === prefix || ids[starts + i] === token))
        logits[last] = (logits[last] as number) + bias
    }
  }
}

/** Forbids the last token of each sequence where the others were read. An end token alone is never a bad word. */
export function noBadWords(words: readonly (readonly number[])[], ends: readonly number[]): LogitsProcessor {
  const bad = words.filter((word) => word.length > 1 || !ends.includes(word[0] as number))
  return sequenceBias(bad.map((word) => [word, Number.NEGATIVE_INFINITY]))
}
