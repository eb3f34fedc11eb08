/**
 * Rows with labels to features: texts, pairs of texts, or rows that are tokenized already, as transformers' Trainer takes them. All of
 * them are held. Batches are left to collate/.
 */

import { EspalierError } from '@espalier/core'
import type { Examples } from '../collate/data-collator.js'
import type { Features } from '../collate/pad-features.js'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { IGNORED } from '../ignored-label.js'
import type { TextInput, Tokenizer } from '../tokenizer/tokenizer.js'
import { CutTally } from './cut-rows.js'
import { labelNumber, requireFlags } from './label-numbers.js'
import { integers, mapRows, requireCounted } from './rows.js'
import { wordFeatures } from './word-features.js'

/** How rows become features. */
export interface FeatureOptions {
  /**
   * One label for the row; a number to learn for each label; a flag for each label, from 0 to 1; one label or flags, but the same for all
   * rows; or a label per word or id.
   */
  readonly labels: 'row' | 'numbers' | 'flags' | 'either' | 'token'
  /** Number of labels: they are whole numbers below it, or -100 where a token does not count. */
  readonly labelCount: number
  /** Labels by name, for rows that name theirs. */
  readonly labelIds?: Readonly<Record<string, number>>
  /** Texts are cut to so many ids; null keeps them whole. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number | null
  readonly signal?: AbortSignal
}

/**
 * Features of rows with `text`, or the data set's `textField`, or `sentence1` and `sentence2`, and `label`; with `tokens`, words, and `labels` (or `ner_tags`), one per word; or with `input_ids` (or `inputIds`), optionally
 * `attention_mask` and `token_type_ids`, and `label` or `labels`. The tokenizer is asked for by texts alone. Throws data.shape, data.row with the
 * place, data.empty, data.unsupervised when no label counts.
 */
export async function prepareFeatures(
  dataset: Dataset<DataRow>,
  tokenizer: () => Promise<Tokenizer>,
  options: FeatureOptions,
): Promise<Examples<Features>> {
  const cut = new CutTally()
  const rows = await mapRows(
    dataset,
    (row, place) => featuresOf(row, place, { ...options, tokenizer, cut, textField: dataset.fieldOptions.textField }),
    options.signal,
  )
  requireCounted(dataset.name, rows)
  if (options.labels === 'either') requireOneKind(dataset.name, rows)
  return {
    length: rows.length,
    warnings: cut.warnings,
    cut: cut.count,
    lengths: Int32Array.from(rows, ({ inputIds }) => inputIds.length),
    counts: new Int32Array(rows.length),
    haveTokenTypes: rows.some(({ tokenTypeIds }) => tokenTypeIds !== undefined),
    example: async (index) => rows[index] as Features,
  }
}

function requireOneKind(source: string, rows: readonly Features[]): void {
  const single = rows.filter(({ labels }) => typeof labels === 'number').length
  if (single === 0 || single === rows.length) return
  throw new EspalierError('data.row', {
    what: 'some rows have one label, and others a flag for each label',
    got: { source, withOneLabel: single, rows: rows.length },
    fix: 'Give all rows one label, or all rows as many flags as the model has labels',
  })
}

/** What texts are tokenized with. */
export interface TextRequest extends Pick<FeatureOptions, 'maxLength'> {
  readonly tokenizer: () => Promise<Tokenizer>
  readonly cut: CutTally
  /** The column with the text, where it is named. */
  readonly textField: string | undefined
}

interface FeatureRequest extends FeatureOptions, TextRequest {}

async function featuresOf(row: DataRow, place: string, options: FeatureRequest): Promise<Features> {
  const labels = labelsOf(row, place, options)
  const inputIds = row.input_ids ?? row.inputIds
  if (inputIds !== undefined) {
    const ofTokens = options.labels === 'token'
    return tokenized(row, place, integers(inputIds, place, 'input_ids'), labels, { ofTokens })
  }
  if (options.labels === 'token' && row.tokens !== undefined) {
    const { cut, maxLength } = options
    const request = { tokenizer: await options.tokenizer(), cut, ...(maxLength === undefined ? {} : { maxLength }) }
    return wordFeatures(row, typeof labels === 'number' ? [labels] : labels, place, request)
  }
  if (options.labels === 'token')
    throw new EspalierError('data.shape', {
      what: 'labels of tokens need words, or rows that are tokenized already',
      got: { row: place, columns: Object.keys(row) },
      fix: 'Give tokens and labels, one label per word, or input_ids and labels, one label per id, -100 where none counts',
    })
  return { ...(await textFeatures(row, place, options)), labels }
}

/** The text or the two of a row, tokenized and cut, without labels. Throws data.shape, data.row. */
export async function textFeatures(row: DataRow, place: string, request: TextRequest): Promise<Features> {
  const text = textOf(row, place, request.textField)
  const tokenizer = await request.tokenizer()
  const { maxLength = tokenizer.modelMaxLength } = request
  const encoding = tokenizer.encode(text, maxLength === null ? {} : { truncation: true, maxLength })
  const lost = encoding.numTruncatedTokens
  request.cut.add({ length: encoding.inputIds.length + lost, isCut: lost > 0, maxLength })
  return {
    inputIds: encoding.inputIds,
    attentionMask: encoding.attentionMask,
    ...(tokenizer.givesTokenTypes ? { tokenTypeIds: encoding.tokenTypeIds } : {}),
  }
}

function textOf(row: DataRow, place: string, textField: string | undefined): TextInput {
  const text = (field: string) => {
    const value = row[field]
    if (typeof value === 'string') return value
    throw new EspalierError('data.row', {
      what: 'a field of a row is not text',
      got: { row: place, field, found: typeof value },
    })
  }
  if (textField === undefined && 'sentence1' in row) return [text('sentence1'), text('sentence2')]
  const field = textField ?? 'text'
  if (field in row) return text(field)
  throw new EspalierError('data.shape', {
    what: `the rows have no ${field}`,
    got: { row: place, columns: Object.keys(row) },
    fix: 'Give text, or sentence1 and sentence2, or input_ids; or name the column with the text: textField',
  })
}

/** A row that is tokenized already. Throws data.row. */
export function tokenized(
  row: DataRow,
  place: string,
  inputIds: number[],
  labels: number | number[],
  { ofTokens = true }: { readonly ofTokens?: boolean } = {},
): Features {
  const one = (snake: string, camel: string) => {
    const values = row[snake] ?? row[camel]
    return values === undefined ? undefined : integers(values, place, snake, inputIds.length)
  }
  const attentionMask = one('attention_mask', 'attentionMask') ?? new Array<number>(inputIds.length).fill(1)
  const tokenTypeIds = one('token_type_ids', 'tokenTypeIds')
  if (ofTokens && typeof labels !== 'number' && labels.length !== inputIds.length)
    throw new EspalierError('data.row', {
      what: 'a row has another number of labels than of ids',
      got: { row: place, labels: labels.length, ids: inputIds.length },
    })
  return { inputIds, attentionMask, ...(tokenTypeIds === undefined ? {} : { tokenTypeIds }), labels }
}

function labelsOf(row: DataRow, place: string, options: FeatureOptions): number | number[] {
  const given = row.labels ?? row.label ?? (options.labels === 'token' ? row.ner_tags : undefined)
  const isList = Array.isArray(given) || ArrayBuffer.isView(given)
  if (options.labels === 'numbers' || options.labels === 'flags' || (options.labels === 'either' && isList))
    return numbersOf(isList ? Array.from(given as ArrayLike<unknown>) : [given], place, options)
  if (options.labels !== 'token') return labelOf(given, place, options)
  const list = isList ? Array.from(given as ArrayLike<unknown>) : [given]
  return list.map((label) => (label === IGNORED ? IGNORED : labelOf(label, place, options)))
}

function numbersOf(given: readonly unknown[], place: string, { labels, labelCount }: FeatureOptions): number[] {
  const isMissing = given.length === 1 && given[0] == null
  const numbers = labels === 'numbers' || isMissing ? given.map(labelNumber) : requireFlags(given, place)
  if (numbers.length === labelCount && numbers.every(Number.isFinite)) return numbers as number[]
  throw new EspalierError('data.row', {
    what: 'a row has no number for each label of the model',
    got: { row: place, label: given.length === 1 ? (given[0] ?? 'none') : given, labels: labelCount },
    fix: 'Give as many numbers as the model has labels, or load the model with as many labels',
  })
}

function labelOf(given: unknown, place: string, { labelIds = {}, labelCount }: FeatureOptions): number {
  const named = typeof given === 'string' && Object.hasOwn(labelIds, given) ? labelIds[given] : undefined
  const label = named ?? labelNumber(given)
  if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < labelCount) return label
  throw new EspalierError('data.row', {
    what: 'a row has no label that the model knows',
    got: { row: place, label: given ?? 'none', labels: labelCount, names: Object.keys(labelIds) },
    fix: 'Use whole numbers from 0 on, or load the model with as many labels',
  })
}
