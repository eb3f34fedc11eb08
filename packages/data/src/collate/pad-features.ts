/**
 * Collators for rows of features of any task, as transformers' and TRL's classes of these names do it: padded rows of ids, masks, token
 * types and labels, plain arrays, held against Python's by golden cases. Fixed shapes and feeds are causal-batch.ts and
 * label-collators.ts.
 */

import { EspalierError } from '@espalier/core'
import { IGNORED } from '../ignored-label.js'

/** One row of features. */
export interface Features {
  readonly inputIds: ArrayLike<number>
  readonly attentionMask?: ArrayLike<number>
  readonly tokenTypeIds?: ArrayLike<number>
  /** One label, or one per token; -100 does not count. */
  readonly labels?: number | ArrayLike<number>
  /** Lengths of the documents in a packed row. */
  readonly seqLengths?: readonly number[]
}

/** Padded rows; only what the features had, and what the collator makes. */
export interface FeatureBatch {
  readonly inputIds: number[][]
  readonly attentionMask?: number[][]
  readonly tokenTypeIds?: number[][]
  readonly positionIds?: number[][]
  readonly labels?: number[][] | number[]
}

/** How rows are padded. */
export interface PadOptions {
  readonly padId: number
  readonly padTypeId?: number
  readonly padToMultipleOf?: number
  readonly paddingSide?: 'left' | 'right'
}

/** Ids, masks and token types padded to the longest row; single labels as a list. transformers' DataCollatorWithPadding. */
export function collateWithPadding(features: readonly Features[], options: PadOptions): FeatureBatch {
  const pad = padder(features, (row) => row.inputIds.length, options)
  const masks = features.map((row) => row.attentionMask ?? new Array<number>(row.inputIds.length).fill(1))
  const labels = features.map((row) => row.labels)
  return {
    inputIds: features.map((row) => pad(row.inputIds, options.padId)),
    attentionMask: masks.map((mask) => pad(mask, 0)),
    ...(features.some(({ tokenTypeIds }) => tokenTypeIds !== undefined)
      ? { tokenTypeIds: features.map((row) => pad(row.tokenTypeIds ?? [], options.padTypeId ?? 0)) }
      : {}),
    ...(labels.every((label) => typeof label === 'number') && labels.length > 0 ? { labels: labels as number[] } : {}),
  }
}

/** The same with a label per token, -100 in padding. transformers' DataCollatorForTokenClassification. */
export function collateForTokenClassification(features: readonly Features[], options: PadOptions): FeatureBatch {
  const pad = padder(features, (row) => row.inputIds.length, options)
  return { ...collateWithPadding(features, options), labels: features.map((row) => pad(labelsOf(row), IGNORED)) }
}

/** The same with labels padded to their own longest row. transformers' DataCollatorForSeq2Seq. */
export function collateForSeq2Seq(features: readonly Features[], options: PadOptions): FeatureBatch {
  const pad = padder(features, (row) => labelsOf(row).length, options)
  return { ...collateWithPadding(features, options), labels: features.map((row) => pad(labelsOf(row), IGNORED)) }
}

/** The same with the ids as labels; every id that equals the pad id is -100. transformers' DataCollatorForLanguageModeling without masking. */
export function collateForLanguageModeling(features: readonly Features[], options: PadOptions): FeatureBatch {
  const batch = collateWithPadding(features, options)
  return { ...batch, labels: batch.inputIds.map((row) => row.map((id) => (id === options.padId ? IGNORED : id))) }
}

/** How TRL's collator for SFT is called. */
export interface SftCollateOptions extends Pick<PadOptions, 'padId' | 'padToMultipleOf'> {
  readonly returnPositionIds?: boolean
  /** All rows in one, positions restarting, no mask. */
  readonly paddingFree?: boolean
}

/** Ids and labels (the ids where there are none) padded on the right. TRL's DataCollatorForLanguageModeling. */
export function collateForSft(features: readonly Features[], options: SftCollateOptions): FeatureBatch {
  if (options.paddingFree === true) return paddingFree(features, options)
  const pad = padder(features, (row) => row.inputIds.length, { ...options, paddingSide: 'right' })
  return {
    inputIds: features.map((row) => pad(row.inputIds, options.padId)),
    attentionMask: features.map((row) => pad(new Array<number>(row.inputIds.length).fill(1), 0)),
    labels: features.map((row) => pad(row.labels === undefined ? row.inputIds : labelsOf(row), IGNORED)),
    ...(options.returnPositionIds === true ? { positionIds: features.map((row) => pad(positionsOf(row), 0)) } : {}),
  }
}

function paddingFree(features: readonly Features[], options: SftCollateOptions): FeatureBatch {
  const joined = <T>(of: (row: Features) => ArrayLike<T>) => features.flatMap((row) => Array.from(of(row)))
  const positions = joined(positionsOf)
  const labels = joined((row) => (row.labels === undefined ? row.inputIds : labelsOf(row)))
  const all: Features = { inputIds: joined((row) => row.inputIds) }
  const pad = padder([all], (row) => row.inputIds.length, { ...options, paddingSide: 'right' })
  return {
    inputIds: [pad(all.inputIds, options.padId)],
    // No document predicts the first token of the next.
    labels: [
      pad(
        labels.map((label, i) => (positions[i] === 0 ? IGNORED : label)),
        IGNORED,
      ),
    ],
    positionIds: [pad(positions, 0)],
  }
}

function positionsOf(row: Features): number[] {
  const lengths = row.seqLengths ?? [row.inputIds.length]
  return lengths.flatMap((length) => Array.from({ length }, (_, i) => i))
}

function labelsOf(row: Features): ArrayLike<number> {
  if (row.labels !== undefined && typeof row.labels !== 'number') return row.labels
  throw new EspalierError('data.row', {
    what: 'a row of features needs a label per token',
    got: { field: 'labels', found: row.labels === undefined ? 'nothing' : 'number' },
    fix: 'Give labels as an array.',
  })
}

function padder(
  features: readonly Features[],
  lengthOf: (row: Features) => number,
  { padToMultipleOf = 1, paddingSide = 'right' }: Omit<PadOptions, 'padId'>,
): (values: ArrayLike<number>, value: number) => number[] {
  const longest = features.reduce((most, row) => Math.max(most, lengthOf(row)), 0)
  const length = Math.ceil(longest / padToMultipleOf) * padToMultipleOf
  return (values, value) => {
    const padding = new Array<number>(Math.max(0, length - values.length)).fill(value)
    return paddingSide === 'right' ? [...Array.from(values), ...padding] : [...padding, ...Array.from(values)]
  }
}
