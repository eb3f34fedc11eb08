/** Whether a tokenizer belongs to a model. */
import { EspalierError } from '@espalier/core'
import type { Tokenizer } from './tokenizer.js'

/** Throws tokenizer.unfit when the tokenizer has ids that the model's embedding does not. vocabSize: rows of the embedding. */
export function checkTokenizerFits(tokenizer: Tokenizer, vocabSize: number): void {
  if (tokenizer.largestId < vocabSize) return
  throw new EspalierError('tokenizer.unfit', {
    what: 'the tokenizer has ids that the model does not know',
    got: { largestId: tokenizer.largestId, token: tokenizer.idToToken(tokenizer.largestId), vocabSize },
    fix: "Use the model's own tokenizer.",
  })
}
