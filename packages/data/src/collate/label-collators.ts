/** Rows of features with labels as feeds of core's losses over labels, padded as transformers' collators of these names do it. */

import { EspalierError, type HostTensor, hostTensor, sizeOf } from '@espalier/core'
import { IGNORED } from '../ignored-label.js'
import type { CollatedBatch, DataCollator } from './data-collator.js'
import {
  collateForSeq2Seq,
  collateForTokenClassification,
  collateWithPadding,
  type FeatureBatch,
  type Features,
} from './pad-features.js'
import type { BatchShape } from './split-step.js'

/** How rows are filled up. */
export interface LabelCollatorOptions {
  readonly padId: number
  /**
   * Whether the model is given token types, 0 where a row has none. Default false: models that have types take 0 for all then, and GPT-2,
   * whose types are tokens, none.
   */
  readonly tokenTypes?: boolean
}

/**
 * One label per row. Feeds: `input_ids`, `attention_mask`, `token_type_ids` where they are wanted (rows, length) and `labels`, `label_weights` (rows); counts
 * rows. transformers' DataCollatorWithPadding.
 */
export class DataCollatorWithPadding implements DataCollator<Features> {
  constructor(private readonly options: LabelCollatorOptions) {}

  collate(examples: readonly Features[], shape: BatchShape): CollatedBatch {
    const padded = collateWithPadding(examples, padTo(shape, this.options))
    return labelled(examples, padded, shape, [shape.rows], this.options)
  }
}

/** One label per token, the feeds of `labels` and `label_weights` (rows, length); counts labels other than -100. transformers' class of this name. */
export class DataCollatorForTokenClassification implements DataCollator<Features> {
  constructor(private readonly options: LabelCollatorOptions) {}

  collate(examples: readonly Features[], shape: BatchShape): CollatedBatch {
    const padded = collateForTokenClassification(examples, padTo(shape, this.options))
    return labelled(examples, padded, shape, [shape.rows, shape.length], this.options)
  }
}

/**
 * Labels of what a decoder writes, padded to the length of the encoder's rows: the feeds of DataCollatorForTokenClassification. The loss
 * makes of them what the decoder reads. transformers' class of this name.
 */
export class DataCollatorForSeq2Seq implements DataCollator<Features> {
  constructor(private readonly options: LabelCollatorOptions) {}

  collate(examples: readonly Features[], shape: BatchShape): CollatedBatch {
    const padded = collateForSeq2Seq(examples, padTo(shape, this.options))
    return labelled(examples, padded, shape, [shape.rows, shape.length], this.options)
  }
}

// No row is longer than the shape, so filling up to its multiple fills it.
function padTo({ length }: BatchShape, { padId }: LabelCollatorOptions) {
  return { padId, padToMultipleOf: length, paddingSide: 'right' } as const
}

function labelled(
  examples: readonly Features[],
  padded: FeatureBatch,
  { rows, length }: BatchShape,
  labelShape: readonly number[],
  { padId, tokenTypes = false }: LabelCollatorOptions,
): CollatedBatch {
  const lengths = examples.flatMap(({ inputIds, labels = 0 }) => [
    inputIds.length,
    typeof labels === 'number' ? 0 : labels.length,
  ])
  const longest = Math.max(0, ...lengths)
  if (examples.length > rows || longest > length)
    throw new EspalierError('shape.mismatch', {
      what: 'a micro-batch has more or longer examples than room',
      got: { examples: examples.length, rows, longest, length },
      fix: 'Plan the batches from all rows.',
    })
  const filled = (values: readonly (readonly number[])[] | undefined, fill: number) =>
    i32([rows, length], (values ?? []).flat(), fill)
  const mask = filled(padded.attentionMask, 0)
  // A row of padding sees its first token: attention over nothing is no number.
  for (let row = examples.length; row < rows; row++) mask.data[row * length] = 1
  const given = padded.labels?.flat() ?? []
  const labels = i32(labelShape, given.map((label) => (label === IGNORED ? 0 : label)), 0) // biome-ignore format: one line
  const weights = new Float32Array(sizeOf(labelShape))
  for (const [i, label] of given.entries()) weights[i] = label === IGNORED ? 0 : 1
  return {
    feeds: {
      input_ids: filled(padded.inputIds, padId),
      attention_mask: mask,
      ...(tokenTypes ? { token_type_ids: filled(padded.tokenTypeIds, 0) } : {}),
      labels,
      label_weights: hostTensor('f32', labelShape, weights),
    },
    count: weights.reduce((sum, weight) => sum + weight, 0),
    tokens: examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0),
  }
}

function i32(shape: readonly number[], values: readonly number[], fill: number): HostTensor {
  const data = new Int32Array(sizeOf(shape)).fill(fill)
  data.set(values)
  return hostTensor('i32', shape, data)
}
