/** Whether what a tokenizer made of rows belongs to a model. */
import { EspalierError } from '@espalier/core'
import type { Examples } from '../collate/data-collator.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * Throws tokenizer.unfit, naming the row and the token, when an example holds an id that the model's embedding does not. Ids that no
 * example holds may lie beyond it: a padding token that was added later, for one. vocabSize: rows of the embedding.
 */
export async function checkExamplesFit(
  examples: Examples<unknown>,
  tokenizer: Tokenizer,
  vocabSize: number,
): Promise<void> {
  if (tokenizer.largestId < vocabSize) return
  for (let row = 0; row < examples.length; row++) {
    const { inputIds = [], labels } = (await examples.example(row)) as { inputIds?: Ids; labels?: Ids | number }
    const id = [inputIds, typeof labels === 'object' ? labels : []].flatMap((ids) => beyond(ids, vocabSize) ?? [])[0]
    if (id === undefined) continue
    throw new EspalierError('tokenizer.unfit', {
      what: 'a row holds a token that the model does not know',
      got: { row: row + 1, id, token: tokenizer.idToToken(id), vocabSize },
      fix: "Use the model's own tokenizer, or leave the token out of the rows.",
    })
  }
}

type Ids = ArrayLike<number>

function beyond(ids: Ids, vocabSize: number): number | undefined {
  return Array.prototype.find.call(ids, (id: number) => id >= vocabSize) as number | undefined
}
