/** Rows of texts, or of ids, as features of models that fill in masked tokens. All are held. What is masked is left to the collator. */

import type { Examples } from '../collate/data-collator.js'
import { MLM_PROBABILITY, mostMasked } from '../collate/masked-collator.js'
import type { Features } from '../collate/pad-features.js'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { IGNORED } from '../ignored-label.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { CutTally } from './cut-rows.js'
import { textFeatures, tokenized } from './prepare-features.js'
import { integers, mapRows } from './rows.js'

/** How rows become features. */
export interface MaskedOptions {
  /** Share of the ids that the collator masks. Default 0.15. */
  readonly mlmProbability?: number
  /** Texts are cut to so many ids; null keeps them whole. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number | null
  readonly signal?: AbortSignal
}

/**
 * Features of rows with `text`, or the data set's `textField`, or `sentence1` and `sentence2`; or with `input_ids`, and optionally `attention_mask`, `token_type_ids`,
 * and `labels` per id, -100 where none counts: such rows are masked already and taken as they are. The tokenizer is asked for by texts
 * alone. Throws data.shape, data.row with the place, data.empty.
 */
export async function prepareMasked(
  dataset: Dataset<DataRow>,
  tokenizer: () => Promise<Tokenizer>,
  { mlmProbability = MLM_PROBABILITY, signal, ...options }: MaskedOptions = {},
): Promise<Examples<Features>> {
  const cut = new CutTally()
  const rows = await mapRows(dataset, (row, place) => featuresOf(row, place), signal)
  return {
    length: rows.length,
    warnings: cut.warnings,
    cut: cut.count,
    lengths: Int32Array.from(rows, ({ inputIds }) => inputIds.length),
    counts: Int32Array.from(rows, (row) => countOf(row, mlmProbability)),
    haveTokenTypes: rows.some(({ tokenTypeIds }) => tokenTypeIds !== undefined),
    example: async (index) => rows[index] as Features,
  }

  async function featuresOf(row: DataRow, place: string): Promise<Features> {
    const given = row.input_ids ?? row.inputIds
    if (given === undefined)
      return textFeatures(row, place, { ...options, tokenizer, cut, textField: dataset.fieldOptions.textField })
    const inputIds = integers(given, place, 'input_ids')
    if (row.labels !== undefined) return tokenized(row, place, inputIds, integers(row.labels, place, 'labels'))
    const { labels: _, ...features } = tokenized(row, place, inputIds, IGNORED)
    return features
  }
}

function countOf({ inputIds, labels }: Features, probability: number): number {
  if (labels === undefined || typeof labels === 'number') return mostMasked(inputIds.length, probability)
  return Array.from(labels).filter((label) => label !== IGNORED).length
}
