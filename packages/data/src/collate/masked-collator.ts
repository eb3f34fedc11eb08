/** Rows of ids as feeds of core's loss of what is masked: some ids are to be found again, most of which the mask token hides. */

import { EspalierError, hostTensor, Random } from '@espalier/core'
import { IGNORED } from '../ignored-label.js'
import type { CollatedBatch, DataCollator } from './data-collator.js'
import { DataCollatorWithPadding, type LabelCollatorOptions } from './label-collators.js'
import type { Features } from './pad-features.js'
import type { BatchShape } from './split-step.js'

/** How much is masked. Names and defaults are transformers'. */
export interface MaskingOptions {
  /** Share of the other ids that are to be found again. Default 0.15. */
  readonly mlmProbability?: number
  /** Share of those that the mask token hides. Default 0.8. */
  readonly maskReplaceProb?: number
  /** Share of those in whose place another id stands; the rest stay as they are. Default 0.1. */
  readonly randomReplaceProb?: number
}

/** How rows are masked and filled up. */
export interface LanguageModelingOptions extends LabelCollatorOptions, MaskingOptions {
  readonly maskTokenId: number
  /** Ids from 0 to below this may stand in place of masked ones. */
  readonly vocabularySize: number
  /** Ids that are never masked. */
  readonly specialTokenIds: ReadonlySet<number>
  /** Of the draws. Default 0. */
  readonly seed?: number
}

/** Share of the ids that transformers masks. */
export const MLM_PROBABILITY = 0.15

const DEVIATIONS = 5 // a row has room for so many more than the mean; one in three million needs more, and keeps those

/** Room that a row of so many ids has for masked ones: rows beyond it keep their last ones. */
export function mostMasked(ids: number, probability: number): number {
  const mean = ids * probability
  return Math.min(ids, Math.ceil(mean + DEVIATIONS * Math.sqrt(mean * (1 - probability))))
}

/**
 * Masks rows without labels; rows with labels are taken as they are. Feeds: those of DataCollatorWithPadding but for labels, and
 * `counted_indices`, `counted_targets` and `counted_weights` of core's `maskedLoss`; counts what is to be found. transformers' class of
 * this name, with `mlm`.
 */
export class DataCollatorForLanguageModeling implements DataCollator<Features> {
  private readonly padding: DataCollatorWithPadding
  private readonly rates: Required<MaskingOptions>

  /** Throws config.value for shares that are none. */
  constructor(private readonly options: LanguageModelingOptions) {
    const { mlmProbability = MLM_PROBABILITY, maskReplaceProb = 0.8, randomReplaceProb = 0.1 } = options
    this.rates = { mlmProbability, maskReplaceProb, randomReplaceProb }
    const isShare = (value: number) => value >= 0 && value <= 1
    if (!Object.values(this.rates).every(isShare) || maskReplaceProb + randomReplaceProb > 1)
      throw new EspalierError('config.value', {
        what: 'shares of masked tokens lie from 0 to 1, and those that are replaced are no more than all',
        got: { ...this.rates },
        fix: 'Use mlmProbability 0.15, maskReplaceProb 0.8 and randomReplaceProb 0.1',
      })
    this.padding = new DataCollatorWithPadding(options)
  }

  collate(examples: readonly Features[], shape: BatchShape, draw = ''): CollatedBatch {
    const { length, countedSize } = shape
    const rows = examples.map((example, row) => this.masked(example, `${draw}/${row}`))
    const found = rows.flatMap(({ labels }, row) =>
      labels.flatMap((label, i) => (label === IGNORED ? [] : [{ index: row * length + i, target: label }])),
    )
    if (found.length > countedSize)
      throw new EspalierError('shape.mismatch', {
        what: 'a micro-batch has more masked tokens than room',
        got: { masked: found.length, countedSize },
        fix: 'Plan the batches from all rows, with the same mlmProbability.',
      })
    const { feeds, tokens } = this.padding.collate(
      rows.map(({ features }) => features),
      shape,
    )
    const { labels: _, label_weights: __, ...padded } = feeds
    const filled = (of: (one: { index: number; target: number }) => number) => {
      const data = new Int32Array(countedSize)
      data.set(found.map(of))
      return hostTensor('i32', [countedSize], data)
    }
    const weights = new Float32Array(countedSize).fill(1, 0, found.length)
    return {
      feeds: {
        ...padded,
        counted_indices: filled(({ index }) => index),
        counted_targets: filled(({ target }) => target),
        counted_weights: hostTensor('f32', [countedSize], weights),
      },
      count: found.length,
      tokens,
    }
  }

  private masked(example: Features, draw: string): { features: Features; labels: readonly number[] } {
    const { labels: given, ...features } = example
    if (given !== undefined && typeof given !== 'number') return { features, labels: Array.from(given) }
    const { seed = 0, specialTokenIds, maskTokenId, vocabularySize } = this.options
    const { mlmProbability, maskReplaceProb, randomReplaceProb } = this.rates
    const ids = Array.from(example.inputIds)
    const drawn = (what: string) => new Random(seed).at(`mask/${draw}/${what}`).uniform(ids.length, 0.5)
    const [chosen, kinds, words] = [drawn('chosen'), drawn('kind'), drawn('word')]
    const room = mostMasked(ids.length, mlmProbability)
    const labels = new Array<number>(ids.length).fill(IGNORED)
    let count = 0
    for (const [i, id] of ids.entries()) {
      if (specialTokenIds.has(id) || (chosen[i] as number) + 0.5 >= mlmProbability || count === room) continue
      count += 1
      labels[i] = id
      const kind = (kinds[i] as number) + 0.5
      if (kind < maskReplaceProb) ids[i] = maskTokenId
      else if (kind < maskReplaceProb + randomReplaceProb)
        ids[i] = Math.floor(((words[i] as number) + 0.5) * vocabularySize)
    }
    return { features: { ...features, inputIds: ids }, labels }
  }
}
