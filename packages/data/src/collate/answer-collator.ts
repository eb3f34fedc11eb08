/** Windows of contexts as feeds of core's loss of an answer's ends. */
import { hostTensor } from '@espalier/core'
import type { AnswerFeatures } from '../features/prepare-answers.js'
import type { CollatedBatch, DataCollator } from './data-collator.js'
import { DataCollatorWithPadding, type LabelCollatorOptions } from './label-collators.js'
import type { BatchShape } from './split-step.js'

/**
 * Feeds: those of DataCollatorWithPadding with `start_positions` and `end_positions` (rows) in place of `labels`, and `windows` (rows) i32,
 * the place of each among all windows, -1 of padding, which no loss reads; counts rows.
 */
export class DataCollatorForQuestionAnswering implements DataCollator<AnswerFeatures> {
  private readonly padding: DataCollatorWithPadding

  constructor(options: LabelCollatorOptions) {
    this.padding = new DataCollatorWithPadding(options)
  }

  collate(examples: readonly AnswerFeatures[], shape: BatchShape): CollatedBatch {
    const rows = examples.map((example) => ({ ...example, labels: 0 })) // each counts once
    const { feeds, ...counts } = this.padding.collate(rows, shape)
    const { labels: _, ...others } = feeds
    const column = (of: (example: AnswerFeatures) => number, fill = 0) => {
      const data = new Int32Array(shape.rows).fill(fill)
      data.set(examples.map(of))
      return hostTensor('i32', [shape.rows], data)
    }
    return {
      ...counts,
      feeds: {
        ...others,
        start_positions: column(({ positions: [start] }) => start),
        end_positions: column(({ positions: [, end] }) => end),
        windows: column(({ window }) => window, -1),
      },
    }
  }
}
