/** The model card of the base model. */
import { type PretrainResult, SIZES } from './pretrain.js'

/** README.md's text. */
export function modelCard({ parameters, steps, tokens, minutes, evalLoss }: PretrainResult): string {
  return `---
license: apache-2.0
language: en
library_name: transformers
tags: [llama, espalier]
---

# The quickstart's base model

A language model that is small enough to ship in a package and to train in half an hour on two CPU cores. It writes text that sounds like
the King James Bible; it knows nothing else. It is there so that \`npx espalier quickstart\` has something real to
fine-tune without a download. Do not use it for anything else.

| | |
|---|---|
| architecture | Llama, ${SIZES.num_hidden_layers} layers, hidden size ${SIZES.hidden_size}, ${SIZES.num_attention_heads} heads, tied embeddings |
| parameters | ${parameters} (${((parameters * 4) / 1e6).toFixed(1)} MB in float32) |
| tokenizer | byte-level BPE of ${SIZES.vocab_size} tokens, learnt from the same text |
| trained on | ${(tokens / 1e6).toFixed(1)} million tokens, ${steps} steps, seed ${SIZES.seed} |
| loss | ${evalLoss.toFixed(3)} per token on the last hundredth of the verses, which it has not seen |
| made with | Espalier alone: \`npx tsx examples/quickstart/pretrain/main.ts\` (${minutes.toFixed(0)} minutes) |

## Text

The King James Version of the Bible from Debian's package \`bible-kjv-text\`. The package's copyright file says that the text's copyright
has expired, the translation being of 1611, and that the file may be used, copied, modified and distributed without restriction. The script downloads
the package into a temporary folder; nothing else is read.

- 30 % of the rows are consecutive verses.
- 25 % are verses with their names exchanged for others, followed by pieces of themselves.
- 20 % are lists of words, repeated in the same order or as pairs in another order.
- 10 % are verses with their names exchanged, followed by their words without the 60 most frequent ones.
- 15 % are verses with their names exchanged, followed by these names, each with the word before it.

The last four were meant to teach it to copy what stands before. At this size and length of training it has hardly learnt that: it does not
continue a list that it has just read. None of them has the form of the quickstart's data set: its sentences and its records are not in the
training text. The names of its held-out rows are names of the Bible, so the model has read them.
`
}
