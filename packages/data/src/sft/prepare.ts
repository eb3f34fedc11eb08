/**
 * A data set to supervised examples: one pass tokenizes every row, keeps what fits in memory, and counts what the report says. Rows are
 * truncated, and dropped when nothing of them trains, exactly as TRL's SFTTrainer does. Batches are left to collate/.
 */
import { EspalierError, turns } from '@espalier/core'
import type { Examples } from '../collate/data-collator.js'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { type DataShape, recognizeShape } from '../dataset/shape.js'
import { NumberList } from '../number-list.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { IdStore } from './id-store.js'
import { exampleSegments, type SupervisionReport, supervisionWarnings } from './supervision.js'
import { endOfSequence, type TokenizedRow, tokenizeRow } from './tokenize-row.js'

/** One row for causal training; both arrays have one length. */
export interface SupervisedExample {
  readonly inputIds: Int32Array
  /** The ids again, -100 where they do not count. Not shifted: the loss of position i is about labels[i + 1]. */
  readonly labels: Int32Array
}

/** How rows are prepared. Names and defaults are TRL's. */
export interface SftOptions {
  /** Most ids of a row; null keeps rows whole. Default 1024. */
  readonly maxLength?: number | null
  readonly truncationMode?: 'keep_start' | 'keep_end'
  /** Trains on completions only. Default: true where rows have a prompt. */
  readonly completionOnlyLoss?: boolean
  /** The model's `virtualTokens`: with any, the first id of a row counts too where it is supervised. Default 0. */
  readonly virtualTokens?: number
  /** Keeps rows without anything that counts, as TRL does where rows are packed afterwards. Default false. */
  readonly keepUnsupervised?: boolean
  /** End-of-sequence token instead of the tokenizer's. */
  readonly eosToken?: string
  /** Most memory for tokenized rows; rows beyond are tokenized again when asked for. Default 512 MiB. */
  readonly cacheBytes?: number
  readonly signal?: AbortSignal
  /** Called now and then with the number of rows read. */
  readonly onProgress?: (rows: number) => void
}

/** Supervised examples of a data set; counted labels leave out what nothing predicts, the first position's of a model without virtual tokens. */
export interface SftData extends Examples<SupervisedExample> {
  readonly shape: DataShape
  readonly report: SupervisionReport
}

const DEFAULT_MAX_LENGTH = 1024 // TRL's SFTConfig
const DEFAULT_CACHE = 512 * 1024 * 1024
const MOST_DROPPED = 0.9 // of the rows; more is a maxLength that was not meant

/** Tokenizes a data set. Throws data.unsupervised when nothing, or less than a tenth of the rows, would train, data.empty when there are no rows, and what reading and tokenizing throw. */
export async function prepareSft(
  dataset: Dataset<object>,
  tokenizer: Tokenizer,
  options: SftOptions = {},
): Promise<SftData> {
  // A row type is the caller's word; every field is checked when it is read.
  const pass = new Pass(dataset as Dataset<DataRow>, tokenizer, options)
  await pass.run()
  return pass.finish()
}

/** Ids and labels of a tokenized row after truncation. labelStart: labels before it are -100. */
interface CutRow {
  readonly ids: readonly number[]
  readonly labelStart: number
  readonly counted: number
}

/** A tokenized row, truncated. */
export function cutRow(
  row: TokenizedRow,
  options: Pick<SftOptions, 'maxLength' | 'truncationMode' | 'completionOnlyLoss' | 'virtualTokens'>,
): CutRow {
  const { maxLength = DEFAULT_MAX_LENGTH, truncationMode = 'keep_start', completionOnlyLoss = true } = options
  const firstPredicted = (options.virtualTokens ?? 0) > 0 ? 0 : 1
  const length = row.inputIds.length
  const cut = maxLength === null ? 0 : Math.max(0, length - maxLength)
  const ids = truncationMode === 'keep_start' ? row.inputIds.slice(0, length - cut) : row.inputIds.slice(cut)
  const start = completionOnlyLoss ? row.completionStart - (truncationMode === 'keep_end' ? cut : 0) : 0
  const labelStart = Math.min(Math.max(0, start), ids.length)
  return { ids, labelStart, counted: Math.max(0, ids.length - Math.max(firstPredicted, labelStart)) }
}

/** Ids and the first supervised position as an example. */
export function toExample(ids: ArrayLike<number>, labelStart: number): SupervisedExample {
  const inputIds = Int32Array.from(ids)
  const labels = Int32Array.from(ids)
  labels.fill(-100, 0, labelStart)
  return { inputIds, labels }
}

class Pass {
  readonly #dataset: Dataset<DataRow>
  readonly #tokenizer: Tokenizer
  readonly #options: SftOptions
  readonly #end: { token: string; id: number }
  readonly #ids: IdStore
  readonly #labelStarts = new NumberList()
  readonly #counts = new NumberList()
  readonly #places: readonly [NumberList, NumberList] = [new NumberList(), new NumberList()]
  readonly #tally = {
    rows: 0,
    truncated: 0,
    tokens: 0,
    supervised: 0,
    without: 0,
    lostEnd: 0,
    mismatches: 0,
    longest: 0,
  }
  #shape: DataShape | undefined

  constructor(dataset: Dataset<DataRow>, tokenizer: Tokenizer, options: SftOptions) {
    checkOptions(options)
    this.#dataset = dataset
    this.#tokenizer = tokenizer
    this.#options = options
    this.#end = endOfSequence(tokenizer, options.eosToken)
    this.#ids = new IdStore(dataset.isRereadable ? (options.cacheBytes ?? DEFAULT_CACHE) : Number.POSITIVE_INFINITY)
  }

  async run(): Promise<void> {
    const { signal, onProgress } = this.#options
    const rest = turns(() => onProgress?.(this.#tally.rows))
    for await (const { row, label, place } of this.#dataset.placedRows()) {
      signal?.throwIfAborted()
      this.#shape ??= recognizeShape(row, this.#dataset.fieldOptions)
      this.#add(this.#tokenize(row, label, this.#shape), place)
      await rest()
    }
    onProgress?.(this.#tally.rows)
  }

  async finish(): Promise<SftData> {
    const shape = this.#shape
    if (shape === undefined) {
      throw new EspalierError('data.empty', {
        what: 'the data has no rows',
        got: { source: this.#dataset.name },
        fix: 'Check the file.',
      })
    }
    this.#checkEnoughIsLeft(shape)
    const length = this.#ids.length
    const indices = Array.from({ length }, (_, index) => index)
    const example = (index: number) => this.#example(index, shape)
    const report = await this.#report(shape, await example(this.#firstSupervised()))
    return {
      length,
      shape,
      report,
      warnings: supervisionWarnings(report),
      lengths: Int32Array.from(indices, (index) => this.#ids.lengthOf(index)),
      counts: Int32Array.from(indices, (index) => this.#counts.at(index)),
      example,
    }
  }

  #checkEnoughIsLeft(shape: DataShape): void {
    const { rows, supervised, truncated, longest } = this.#tally
    const dropped = rows - this.#ids.length
    if (supervised > 0 && dropped < MOST_DROPPED * rows) return
    const { maxLength = DEFAULT_MAX_LENGTH } = this.#options
    throw new EspalierError('data.unsupervised', {
      what: supervised === 0 ? 'nothing in the data is supervised' : 'almost all rows have nothing left to train on',
      got: { source: this.#dataset.name, shape: shape.description, rows, dropped, maxLength, longest },
      fix:
        truncated === 0
          ? 'Check that completions are not empty.'
          : `Set maxLength to ${longest}, which keeps every row whole, or shorten the prompts.`,
    })
  }

  #tokenize(row: DataRow, label: string, shape: DataShape): TokenizedRow {
    return tokenizeRow(this.#tokenizer, shape, row, { label, eosToken: this.#end.token })
  }

  #add(row: TokenizedRow, place: readonly [number, number]): void {
    const tally = this.#tally
    const { ids, labelStart, counted } = cutRow(row, this.#options)
    const isCut = ids.length < row.inputIds.length
    tally.rows += 1
    tally.longest = Math.max(tally.longest, row.inputIds.length)
    if (isCut) tally.truncated += 1
    if (!row.isPromptPrefix) tally.mismatches += 1
    if (counted === 0) tally.without += 1
    const { maxLength, keepUnsupervised = false } = this.#options
    if (maxLength !== null && labelStart >= ids.length && !keepUnsupervised) return // TRL drops rows without labels
    if (isCut && this.#options.truncationMode !== 'keep_end' && row.inputIds.lastIndexOf(this.#end.id) >= ids.length) {
      tally.lostEnd += 1
    }
    tally.tokens += ids.length
    tally.supervised += counted
    this.#ids.push(ids)
    this.#labelStarts.push(labelStart)
    this.#counts.push(counted)
    this.#places[0].push(place[0])
    this.#places[1].push(place[1])
  }

  async #example(index: number, shape: DataShape): Promise<SupervisedExample> {
    const held = this.#ids.get(index)
    if (held !== undefined) return toExample(held, this.#labelStarts.at(index))
    const place = [this.#places[0].at(index), this.#places[1].at(index)] as const
    const row = await this.#dataset.readAgain(place)
    const { ids, labelStart } = cutRow(this.#tokenize(row, `${this.#dataset.name}, read again`, shape), this.#options)
    return toExample(ids, labelStart)
  }

  #firstSupervised(): number {
    for (let index = 0; index < this.#counts.length; index++) if (this.#counts.at(index) > 0) return index
    return 0
  }

  async #report(shape: DataShape, { inputIds, labels }: SupervisedExample): Promise<SupervisionReport> {
    const tally = this.#tally
    return {
      source: this.#dataset.name,
      shape: shape.description,
      rows: tally.rows,
      kept: this.#ids.length,
      dropped: tally.rows - this.#ids.length,
      truncated: tally.truncated,
      maxLength: this.#options.maxLength === undefined ? DEFAULT_MAX_LENGTH : this.#options.maxLength,
      tokens: tally.tokens,
      supervisedTokens: tally.supervised,
      withoutSupervision: tally.without,
      lostEndOfSequence: tally.lostEnd,
      promptMismatches: tally.mismatches,
      longest: tally.longest,
      example: exampleSegments(this.#tokenizer, inputIds, labels),
    }
  }
}

function checkOptions({ maxLength = DEFAULT_MAX_LENGTH, truncationMode = 'keep_start' }: SftOptions): void {
  if (maxLength !== null && !(Number.isInteger(maxLength) && maxLength > 0)) {
    throw new EspalierError('config.value', {
      what: 'maxLength must be a whole number above 0, or null',
      got: { maxLength },
      fix: 'Use a number of tokens, such as 1024.',
    })
  }
  if (truncationMode !== 'keep_start' && truncationMode !== 'keep_end') {
    throw new EspalierError('config.value', {
      what: 'truncationMode must be "keep_start" or "keep_end"',
      got: { truncationMode },
      fix: 'Use one of the two.',
    })
  }
}
