/** The likeliest tokens at some places of rows, by a head that fills in masked tokens. */
import { cast, hostTensor, type MaskedLM, maskedLogits, softmax, topK } from '@espalier/core'
import { requireFinite } from '../finite-logits.js'
import {
  type ClassificationRow,
  type ClassificationSource,
  type RowOptions,
  requireHead,
  runRows,
} from './row-batches.js'

/** One row, and which of its places are to be filled in. */
export interface MaskedRow extends ClassificationRow {
  readonly places: readonly number[]
}

/** A token that may stand at a place. */
export interface FilledToken {
  readonly token: number
  /** Its probability. */
  readonly score: number
}

/** For each row, in order, the likeliest tokens of each of its places, best first. Throws config.value for rows that the model cannot read, model.unsupported for another head, prediction.finite for logits that are no numbers, or the signal's reason. */
export async function fillMasks(
  source: ClassificationSource,
  rows: readonly MaskedRow[],
  { topK: most, ...options }: RowOptions & { readonly topK: number },
): Promise<FilledToken[][][]> {
  const what = 'only models with a head for masked tokens fill them in'
  requireHead(source.model, ['MASKED_LM'], what, 'AutoModelForMaskedLM')
  const count = Math.min(most, source.model.sizes.vocabularySize)
  const found = new Array<FilledToken[][]>(rows.length)
  await runRows<MaskedRow>(
    source,
    rows,
    {
      name: `fill masks ${count}`,
      feeds: ({ batch, length }) => {
        const flat = batch.flatMap(({ places }, row) => places.map((place) => row * length + place))
        const data = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(1, flat.length))))
        data.set(flat)
        return { counted_indices: hostTensor('i32', [data.length], data) }
      },
      outputs: (model, inputs) => {
        const { values, indices } = topK(softmax(cast(maskedLogits(model as MaskedLM, inputs), 'f32')), count)
        return { scores: values, tokens: indices }
      },
      take: ({ scores, tokens }, { batch, indices }) => {
        requireFinite('prediction.finite', scores?.data as Float32Array)
        let at = 0
        for (const [i, index] of indices.entries())
          found[index] = (batch[i] as MaskedRow).places.map(() => {
            const from = at
            at += count
            return Array.from({ length: count }, (_, k) => ({
              token: Number(tokens?.data[from + k]),
              score: Number(scores?.data[from + k]),
            }))
          })
      },
    },
    options,
  )
  return found
}
