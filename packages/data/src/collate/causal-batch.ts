/**
 * Supervised examples as one micro-batch of a fixed shape. Rows are padded on the right, so a causal model needs no mask; only the
 * positions whose next token counts are listed, so no projection is made elsewhere. The arrays are the feeds that core's causal loss
 * reads. A model with virtual tokens has them in front of every row, and the last of them predicts the first id. A row holds one document for now; a packed row would need positions that restart at each, and a block mask.
 */

import { EspalierError, type HostTensor, hostTensor } from '@espalier/core'
import { IGNORED } from '../ignored-label.js'
import type { SupervisedExample } from '../sft/prepare.js'
import type { BatchShape } from './split-step.js'

/** A micro-batch; arrays of (rows, length) are row after row. */
export interface CausalBatch {
  readonly rows: number
  readonly length: number
  readonly inputIds: Int32Array
  /** Flat positions in (rows * (virtual tokens + length)) whose next token counts, then padding. */
  readonly countedIndices: Int32Array
  /** The tokens that follow them. */
  readonly countedTargets: Int32Array
  /** 1, or 0 for padding. */
  readonly countedWeights: Float32Array
  /** Ids without padding. */
  readonly tokenCount: number
  /** Positions that count. */
  readonly countedCount: number
}

/** How examples become feeds of a causal model. */
export interface CausalCollation {
  /** Fills the rest of rows; any id will do, since nothing attends to it. */
  readonly padId: number
  /** The model's `virtualTokens`. Default 0. */
  readonly virtualTokens?: number
}

/** The shape of a micro-batch, and what its arrays are for. */
export type CausalBatchShape = BatchShape & CausalCollation

/** Examples as one micro-batch. Throws shape.mismatch when they do not fit the shape. */
export function collateCausal(examples: readonly SupervisedExample[], shape: CausalBatchShape): CausalBatch {
  const { rows, length, countedSize, padId, virtualTokens = 0 } = shape
  if (examples.length > rows) throw unfit('more examples than rows', { examples: examples.length, rows })
  const inputIds = new Int32Array(rows * length).fill(padId)
  const countedIndices = new Int32Array(countedSize)
  const countedTargets = new Int32Array(countedSize)
  const countedWeights = new Float32Array(countedSize)
  let [counted, tokenCount] = [0, 0]
  for (const [row, example] of examples.entries()) {
    const { inputIds: ids, labels } = example
    if (ids.length > length) throw unfit('an example is longer than the rows', { example: ids.length, length })
    inputIds.set(ids, row * length)
    tokenCount += ids.length
    const first = row * (virtualTokens + length) + virtualTokens
    for (let i = virtualTokens > 0 ? 0 : 1; i < ids.length; i++) {
      const target = labels[i] as number
      if (target === IGNORED) continue
      if (counted < countedSize) {
        countedIndices[counted] = first + i - 1
        countedTargets[counted] = target
        countedWeights[counted] = 1
      }
      counted += 1
    }
  }
  if (counted > countedSize) throw unfit('more counted positions than room', { counted, countedSize })
  return {
    rows,
    length,
    inputIds,
    countedIndices,
    countedTargets,
    countedWeights,
    tokenCount,
    countedCount: counted,
  }
}

/** The feeds of core's causal loss, by slot name. */
export function causalFeeds(batch: CausalBatch): Record<string, HostTensor> {
  const { rows, length } = batch
  const counted = batch.countedIndices.length
  return {
    input_ids: hostTensor('i32', [rows, length], batch.inputIds),
    counted_indices: hostTensor('i32', [counted], batch.countedIndices),
    counted_targets: hostTensor('i32', [counted], batch.countedTargets),
    counted_weights: hostTensor('f32', [counted], batch.countedWeights),
  }
}

function unfit(what: string, got: Record<string, unknown>): EspalierError {
  return new EspalierError('shape.mismatch', {
    what: `a micro-batch has ${what}`,
    got,
    fix: 'Plan the batches from all rows.',
  })
}
