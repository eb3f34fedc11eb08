/** Rows with a prompt and what is to be written for it, as features of encoder-decoder models. All are held. Batches are left to collate/. */
import { EspalierError } from '@espalier/core'
import type { Examples } from '../collate/data-collator.js'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { type DataShape, recognizeShape } from '../dataset/shape.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { CutTally } from './cut-rows.js'
import { integers, mapRows, requireCounted } from './rows.js'

/** What the encoder reads, and what the decoder is to write: -100 does not count. */
export interface Seq2SeqFeatures {
  readonly inputIds: readonly number[]
  readonly attentionMask?: readonly number[]
  readonly labels: readonly number[]
}

/** How rows become features. */
export interface Seq2SeqOptions {
  /** Both sides are cut to so many ids; null keeps them whole. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number | null
  readonly signal?: AbortSignal
}

/**
 * Features of rows with a prompt and a completion, each tokenized by itself, as transformers' `text_target` is, and completions ending with
 * the end-of-sequence token where there is room; or with `input_ids`, `labels` and optionally `attention_mask`. A row's length is that of its longer side, at which a batch
 * has both. The tokenizer is asked for by texts alone. Throws data.shape, data.row with the place, data.empty, data.unsupervised when no label
 * counts.
 */
export async function prepareSeq2Seq(
  dataset: Dataset<DataRow>,
  tokenizer: () => Promise<Tokenizer>,
  options: Seq2SeqOptions = {},
): Promise<Examples<Seq2SeqFeatures>> {
  const of = async (row: DataRow, place: string): Promise<Seq2SeqFeatures> =>
    'input_ids' in row
      ? numbered(row, place)
      : tokenized(row, recognizeShape(row, dataset.fieldOptions), place, {
          ...options,
          tokenizer: await tokenizer(),
          cut,
        })
  const cut = new CutTally()
  const rows = await mapRows(dataset, of, options.signal)
  requireCounted(dataset.name, rows)
  const lengths = Int32Array.from(rows, ({ inputIds, labels }) => Math.max(inputIds.length, labels.length))
  const { warnings } = cut
  const example = async (index: number) => rows[index] as Seq2SeqFeatures
  return { length: rows.length, lengths, counts: lengths, warnings, cut: cut.count, example }
}

interface RowRequest extends Seq2SeqOptions {
  readonly tokenizer: Tokenizer
  readonly cut: CutTally
}

function numbered({ input_ids, attention_mask, labels }: DataRow, place: string): Seq2SeqFeatures {
  const inputIds = integers(input_ids, place, 'input_ids')
  const mask =
    attention_mask === undefined ? undefined : integers(attention_mask, place, 'attention_mask', inputIds.length)
  return { inputIds, ...(mask && { attentionMask: mask }), labels: integers(labels, place, 'labels') }
}

function tokenized(
  row: DataRow,
  { kind, fields, isConversational }: DataShape,
  place: string,
  { tokenizer, cut, maxLength = tokenizer.modelMaxLength }: RowRequest,
): Seq2SeqFeatures {
  if (kind !== 'prompt-completion' || isConversational)
    throw new EspalierError('data.shape', {
      what: 'a model that reads one text and writes another needs rows with both, as texts',
      got: { row: place, columns: Object.keys(row) },
      fix: 'Give prompt and completion, or name the columns: promptField and completionField.',
    })
  const encode = (field: string) => {
    const text = row[field]
    if (typeof text !== 'string')
      throw new EspalierError('data.row', {
        what: 'a field of a row is not text',
        got: { row: place, field, found: typeof text },
      })
    return tokenizer.encode(text, maxLength === null ? {} : { truncation: true, maxLength })
  }
  const [read, written] = [encode(fields.prompt as string), encode(fields.completion as string)]
  const end = tokenizer.eosTokenId
  const ended = end === undefined || written.inputIds.at(-1) === end ? written.inputIds : [...written.inputIds, end]
  const labels = maxLength === null ? ended : ended.slice(0, maxLength)
  const [readLength, writtenLength] = [
    read.inputIds.length + read.numTruncatedTokens,
    ended.length + written.numTruncatedTokens,
  ]
  const isCut = readLength > read.inputIds.length || writtenLength > labels.length
  cut.add({ length: Math.max(readLength, writtenLength), isCut, maxLength })
  return { inputIds: read.inputIds, labels }
}
