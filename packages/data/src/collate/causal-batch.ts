/**
 * Supervised examples as one micro-batch of a fixed shape. Rows are padded on the right, so a causal model needs no mask; only the
 * positions whose next token counts are listed, so no projection is made elsewhere. The arrays are the feeds that core's causal loss
 * reads. A model with virtual tokens has them in front of every row, and the last of them predicts the first id. Documents of a packed row
 * are numbered, and positions start again at each; no document predicts the first token of the next.
 */

import { EspalierError, type HostTensor, hostTensor } from '@espalier/core'
import { IGNORED } from '../ignored-label.js'
import type { PackedExample } from '../packing/packed-examples.js'
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
  /** Of packed rows: the place of each token in its document, and the document's number in the row; (rows, length), as the ids. */
  readonly documents?: { readonly positions: Int32Array; readonly numbers: Int32Array }
  /** 1, or 0 for padding; (rows, length), where it is asked for. */
  readonly attentionMask?: Int32Array
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
  /** Rows may hold several documents: every batch is fed their places and numbers. Default false. */
  readonly packed?: boolean
  /** Every batch is fed which ids are none of padding: for models whose loss is over all tokens. Default false. */
  readonly masked?: boolean
}

/** The shape of a micro-batch, and what its arrays are for. */
export type CausalBatchShape = BatchShape & CausalCollation

/** Examples as one micro-batch. Throws shape.mismatch when they do not fit the shape. */
export function collateCausal(examples: readonly PackedExample[], shape: CausalBatchShape): CausalBatch {
  const { rows, length, countedSize, padId, virtualTokens = 0, packed = false, masked = false } = shape
  if (examples.length > rows) throw unfit('more examples than rows', { examples: examples.length, rows })
  const inputIds = new Int32Array(rows * length).fill(padId)
  const countedIndices = new Int32Array(countedSize)
  const countedTargets = new Int32Array(countedSize)
  const countedWeights = new Float32Array(countedSize)
  const documents = packed
    ? { positions: new Int32Array(rows * length), numbers: new Int32Array(rows * length) }
    : undefined
  const attentionMask = masked ? new Int32Array(rows * length) : undefined
  let [counted, tokenCount] = [0, 0]
  for (const [row, example] of examples.entries()) {
    const { inputIds: ids, labels, seqLengths = [example.inputIds.length] } = example
    if (ids.length > length) throw unfit('an example is longer than the rows', { example: ids.length, length })
    inputIds.set(ids, row * length)
    attentionMask?.fill(1, row * length, row * length + ids.length)
    tokenCount += ids.length
    const first = row * (virtualTokens + length) + virtualTokens
    let start = 0
    for (const [number, size] of seqLengths.entries()) {
      for (let i = start + (virtualTokens > 0 ? 0 : 1); i < start + size; i++) {
        const target = labels[i] as number
        if (target === IGNORED) continue
        if (counted < countedSize) {
          countedIndices[counted] = first + i - 1
          countedTargets[counted] = target
          countedWeights[counted] = 1
        }
        counted += 1
      }
      for (let i = 0; documents !== undefined && i < size; i++) documents.positions[row * length + start + i] = i
      documents?.numbers.fill(number, row * length + start, row * length + start + size)
      start += size
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
    ...(documents === undefined ? {} : { documents }),
    ...(attentionMask === undefined ? {} : { attentionMask }),
    tokenCount,
    countedCount: counted,
  }
}

/** The feeds of core's causal loss, by slot name. */
export function causalFeeds(batch: CausalBatch): Record<string, HostTensor> {
  const { rows, length, documents, attentionMask } = batch
  const counted = batch.countedIndices.length
  return {
    input_ids: hostTensor('i32', [rows, length], batch.inputIds),
    counted_indices: hostTensor('i32', [counted], batch.countedIndices),
    counted_targets: hostTensor('i32', [counted], batch.countedTargets),
    counted_weights: hostTensor('f32', [counted], batch.countedWeights),
    ...(attentionMask === undefined ? {} : { attention_mask: hostTensor('i32', [rows, length], attentionMask) }),
    ...(documents === undefined
      ? {}
      : {
          position_ids: hostTensor('i32', [rows, length], documents.positions),
          document_ids: hostTensor('i32', [rows, length], documents.numbers),
        }),
  }
}

function unfit(what: string, got: Record<string, unknown>): EspalierError {
  return new EspalierError('shape.mismatch', {
    what: `a micro-batch has ${what}`,
    got,
    fix: 'Plan the batches from all rows.',
  })
}
