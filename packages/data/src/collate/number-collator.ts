/** Rows with a number for each label as feeds of core's losses over numbers, or over labels that may hold at once. */
import { EspalierError, hostTensor } from '@espalier/core'
import { requireFlags } from '../features/label-numbers.js'
import type { CollatedBatch, DataCollator } from './data-collator.js'
import { DataCollatorWithPadding, type LabelCollatorOptions } from './label-collators.js'
import type { Features } from './pad-features.js'
import type { BatchShape } from './split-step.js'

/** How rows are filled up, and what their numbers are. */
export interface NumberCollatorOptions extends LabelCollatorOptions {
  /** Numbers of each row. */
  readonly labelCount: number
  /** Values of a regression, or flags of labels that may hold at once, from 0 to 1. */
  readonly feed: 'label_values' | 'label_flags'
}

/** A number for each label. Feeds: those of DataCollatorWithPadding, with `label_values` or `label_flags` (rows, labels) in place of `labels`; counts rows. Throws data.row for other numbers. */
export class DataCollatorForNumbers implements DataCollator<Features> {
  private readonly padding: DataCollatorWithPadding

  constructor(private readonly options: NumberCollatorOptions) {
    this.padding = new DataCollatorWithPadding(options)
  }

  collate(examples: readonly Features[], shape: BatchShape): CollatedBatch {
    const { labelCount, feed } = this.options
    const numbers = new Float32Array(shape.rows * labelCount)
    for (const [row, example] of examples.entries()) {
      const own = Array.from(numbersOf(example, labelCount))
      numbers.set(feed === 'label_flags' ? requireFlags(own, `${row + 1} of a batch`) : own, row * labelCount)
    }
    const rows = examples.map((example) => ({ ...example, labels: 0 })) // each counts once
    const { feeds, ...counts } = this.padding.collate(rows, shape)
    const { labels: _, ...others } = feeds
    return { ...counts, feeds: { ...others, [feed]: hostTensor('f32', [shape.rows, labelCount], numbers) } }
  }
}

function numbersOf({ labels }: Features, count: number): ArrayLike<number> {
  if (labels !== undefined && typeof labels !== 'number' && labels.length === count) return labels
  throw new EspalierError('data.row', {
    what: 'some rows have a number for each label, and another has not',
    got: { labels: typeof labels === 'number' ? labels : (labels?.length ?? 'none'), count },
    fix: 'Give all rows one label, or all rows as many numbers as the model has labels',
  })
}
