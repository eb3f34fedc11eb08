/**
 * A data set: rows from a file of any size, or from memory, and what is made of them. Names are those of Hugging Face's datasets; unlike
 * there nothing is read, and no function called, before rows are asked for, and nothing is cached on disk. Where rows come from is left to
 * load-dataset.ts, what they mean to shape.ts, tokens to sft/.
 */
import { checkOptions, drawSeed, EspalierError, Random } from '@espalier/core'
import type { DataRow } from './formats.js'
import { type MapOptions, type MappedRow, withColumns } from './map-columns.js'
import { type NumberedRows, numberRows } from './numbered-rows.js'
import type { Place, PlacedRow, RowSource } from './row-source.js'
import type { FieldOptions } from './shape.js'
import { splitter, type TrainTestSplitOptions } from './train-test-split.js'
import { filtered, mapped, ordered } from './views.js'

/** Options of `shuffle`. */
export interface ShuffleOptions {
  /** The same seed gives the same order everywhere, another than in Python. Default: drawn, once for this data set. */
  readonly seed?: number
}

/** The two parts of a split. */
export interface TrainTestSplit<Row> {
  readonly train: Dataset<Row>
  readonly test: Dataset<Row>
}

/**
 * Rows that can be gone through any number of times, unless their source is an iterator or a stream; then a second pass throws data.file.
 * Rows are given away as copies. What a method gives is another data set; this one stays as it is. Functions given to methods may be called again for a row, and must give the same again.
 */
export interface Dataset<Row = DataRow> extends RowSource<Row>, AsyncIterable<Row> {
  /** How many rows there are; reads them once. */
  numRows(): Promise<number>
  /**
   * Rows with the columns that the function returns, in place of those of the same name; columns that it does not return stay unless
   * `removeColumns` names them. The function is given a copy; what it changes there stays too, unless it returns nothing, which changes
   * nothing. index: the row's number, from 0. Throws config.*; while
   * rows are read, data.row when the function returns no row, data.shape for a column to remove that is not there.
   */
  map<Changed extends object, const Removed extends keyof Row & string = never>(
    change: (row: Row, index: number) => Changed | undefined | Promise<Changed | undefined>,
    options?: MapOptions<Removed>,
  ): Dataset<MappedRow<Row, Changed, Removed>>
  /** The rows for which the function returns true, or a promise of it. */
  filter(keeps: (row: Row, index: number) => unknown): Dataset<Row>
  /** The rows of these numbers, counted from 0, in their order: `select([0, 1])`. Throws config.value; while rows are read, also for a number beyond them. */
  select(indices: Iterable<number>): Dataset<Row>
  /** All rows in a random order. */
  shuffle(options?: ShuffleOptions): Dataset<Row>
  /** Two parts without a row in common. Throws config.*; while rows are read, config.value when a part would be empty. */
  trainTestSplit(options?: TrainTestSplitOptions): TrainTestSplit<Row>
}

/** The data set of a source. */
export function datasetOf<Row>(source: RowSource<Row>): Dataset<Row> {
  return new SourceDataset(source)
}

class SourceDataset<Row> implements Dataset<Row> {
  readonly name: string
  readonly fieldOptions: FieldOptions
  readonly isRereadable: boolean
  readonly #source: RowSource<Row>
  #numbered: Promise<NumberedRows<Row>> | undefined

  constructor(source: RowSource<Row>) {
    this.name = source.name
    this.fieldOptions = source.fieldOptions
    this.isRereadable = source.isRereadable
    this.#source = source
  }

  placedRows(): AsyncIterable<PlacedRow<Row>> {
    return this.#source.placedRows()
  }

  readAgain(place: Place): Promise<Row> {
    return this.#source.readAgain(place)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for await (const { row } of this.#source.placedRows()) yield row
  }

  async numRows(): Promise<number> {
    return (await this.#byNumber()).count
  }

  map<Changed extends object, const Removed extends keyof Row & string = never>(
    change: (row: Row, index: number) => Changed | undefined | Promise<Changed | undefined>,
    options: MapOptions<Removed> = {},
  ): Dataset<MappedRow<Row, Changed, Removed>> {
    requireFunction('map', change)
    return datasetOf(mapped(this.#source, withColumns(this.name, change, options)))
  }

  filter(keeps: (row: Row, index: number) => unknown): Dataset<Row> {
    requireFunction('filter', keeps)
    return datasetOf(filtered(this.#source, keeps))
  }

  select(indices: Iterable<number>): Dataset<Row> {
    const isList = typeof indices === 'object' && indices !== null && Symbol.iterator in indices
    if (!isList) throw noList(indices)
    const numbers = [...indices]
    requireAll(numbers, (index) => Number.isSafeInteger(index) && index >= 0, {})
    return this.#inOrder((count) => {
      requireAll(numbers, (index) => index < count, { rows: count, source: this.name })
      return numbers
    })
  }

  shuffle(options: ShuffleOptions = {}): Dataset<Row> {
    checkOptions<ShuffleOptions>('shuffle', options, { seed: 'seed' })
    const random = new Random(options.seed ?? drawSeed())
    return this.#inOrder((count) => random.permutation(count))
  }

  trainTestSplit(options: TrainTestSplitOptions = {}): TrainTestSplit<Row> {
    const split = splitter(options)
    return { train: this.#inOrder((count) => split(count).train), test: this.#inOrder((count) => split(count).test) }
  }

  #inOrder(order: (count: number) => Iterable<number>): Dataset<Row> {
    return datasetOf(ordered(this.#source, () => this.#byNumber(), order))
  }

  // Once for all that is made of this data set. A failure is not kept: the next pass tries again.
  #byNumber(): Promise<NumberedRows<Row>> {
    this.#numbered ??= numberRows(this.#source)
    this.#numbered.catch(() => {
      this.#numbered = undefined
    })
    return this.#numbered
  }
}

function requireFunction(method: string, given: unknown): void {
  if (typeof given === 'function') return
  throw new EspalierError('config.value', { what: `${method} takes a function of a row`, got: { given: typeof given } })
}

function noList(given: unknown): EspalierError {
  return new EspalierError('config.value', {
    what: 'select takes a list of numbers of rows',
    got: { given: typeof given },
    fix: `Give them in one list: ${typeof given === 'number' ? `select([${given}])` : 'select([0, 1])'}`,
  })
}

function requireAll(
  indices: readonly number[],
  isRight: (index: number) => boolean,
  got: Record<string, unknown>,
): void {
  const wrong = indices.find((index) => !isRight(index))
  if (wrong === undefined) return
  throw new EspalierError('config.value', {
    what: 'select takes numbers of rows that are there, counted from 0',
    got: { index: wrong, ...got },
  })
}
