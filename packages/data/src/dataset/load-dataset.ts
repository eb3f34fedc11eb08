/** Where data sets come from: files of any size, whose rows are not held, and rows from memory or a generator. */
import { checkOptions, EspalierError, type OptionKinds, requireAwaited } from '@espalier/core'
import { openPath } from '../platform/node.js'
import { copiedRow } from './copied-row.js'
import { blobFile, type DataFile, inMemory, isDataFile } from './data-file.js'
import { type Dataset, datasetOf } from './dataset.js'
import { type DataRow, extensionOf, type Format, formats, readJsonRows } from './formats.js'
import { holdsRowsOnLines } from './json-kind.js'
import { compressedByName, parquet } from './other-kinds.js'
import { readRecords } from './records.js'
import { refuseList, refuseLoader, refuseObject } from './refused-sources.js'
import type { PlacedRow, RowSource } from './row-source.js'
import { isIterable, type MakeRows, type RowsToPass, rowsInMemory } from './rows-in-memory.js'
import type { FieldOptions } from './shape.js'

/** A file of rows: a path, a file URL, a File or Blob, or a file of one's own. */
export type FileSource = string | URL | Blob | DataFile

/** What rows can be loaded from: a file, rows, or a function that makes them for each pass. */
export type DataSource<Row extends object = DataRow> = FileSource | RowsToPass<Row> | MakeRows<Row>

/** How a data set is loaded. */
export interface LoadDatasetOptions extends FieldOptions {
  /** The format of a file whose name does not say it: ".jsonl", ".json", ".csv", ".tsv" or ".txt". */
  readonly format?: string
}

/** A row of plain text. */
export interface TextRow {
  readonly text: string
}

/** A prompt and what should follow it. */
export interface PromptCompletion {
  readonly prompt: string
  readonly completion: string
}

const OPTIONS: OptionKinds<LoadDatasetOptions> = {
  format: 'string',
  textField: 'string',
  promptField: 'string',
  completionField: 'string',
}

/** Options of datasets' load_dataset. */
const OTHERS = {
  split: 'Use trainTestSplit, or select, of what is loaded',
  streaming: 'Leave it out: files are always read row by row',
}

/** The rows of a file. Nothing is read until they are asked for. Throws config.* for options that do not exist and for what is no source, data.file when the kind of the file is not known. */
export function loadDataset<Row extends object = DataRow>(
  source: FileSource,
  options?: LoadDatasetOptions,
): Dataset<Row>
/** Rows from memory, or from a generator function; those of an iterator or a stream can be gone through once. */
export function loadDataset<Row extends object>(
  source: RowsToPass<Row> | MakeRows<Row>,
  options?: LoadDatasetOptions,
): Dataset<Row>
/** Either. */
export function loadDataset<Row extends object = DataRow>(
  source: DataSource<Row>,
  options?: LoadDatasetOptions,
): Dataset<Row>
export function loadDataset<Row extends object = DataRow>(
  source: DataSource<Row>,
  options: LoadDatasetOptions = {},
): Dataset<Row> {
  requireAwaited('source', source)
  refuseLoader(source, options)
  checkOptions('loadDataset', options, OPTIONS, OTHERS)
  const { format, ...fieldOptions } = options
  if (typeof source === 'string' || source instanceof URL) return fromFile(openPath(source), format, fieldOptions)
  if (source instanceof Blob) return fromFile(blobFile(source), format, fieldOptions)
  if (isDataFile(source)) return fromFile(source, format, fieldOptions)
  if (Array.isArray(source)) refuseList(source)
  const rows: unknown = source // plain JavaScript may give anything
  if (typeof rows === 'function' || isIterable(rows)) return rowsInMemory(rows as RowsToPass<Row>, fieldOptions)
  refuseObject(rows)
  throw new EspalierError('config.value', {
    what: 'this is neither a file nor rows to go through',
    got: { source: rows === null ? null : typeof rows },
    fix: 'Give the path of a file, or an array of rows',
  })
}

function fromFile<Row>(file: DataFile, format: string | undefined, fieldOptions: FieldOptions): Dataset<Row> {
  const extension = format ?? extensionOf(file.name)
  const known = formats[extension]
  if (extension === '.json' || extension === '.jsonl') return datasetOf<Row>(jsonSource(file, extension, fieldOptions))
  if (known !== undefined) return datasetOf<Row>(recordSource(file, known, fieldOptions))
  if (extension === '.parquet') throw parquet(file.name)
  throw (
    compressedByName(file.name, extension) ??
    new EspalierError('data.file', {
      what: 'the kind of a data file is not known',
      got: { file: file.name, known: ['.jsonl', '.json', '.csv', '.tsv', '.txt'] },
      fix:
        extension === ''
          ? 'Name the file’s format; data sets of the hub cannot be loaded by name yet: download the file first.'
          : 'Convert the file to JSONL, or name its format.',
    })
  )
}

const LARGEST_HELD = 64 * 1024 * 1024 // 64 MiB: a tenth of what tokenized rows may take

/** A file of JSON by what is in it, as datasets reads it: rows on lines of their own, or one value that holds them all. */
function jsonSource<Row>(file: DataFile, extension: string, fieldOptions: FieldOptions): RowSource<Row> {
  const lines = recordSource<Row>(file, formats['.jsonl'] as Format, fieldOptions)
  const whole = wholeSource<Row>(file, fieldOptions)
  let chosen = lines // until a pass has looked
  return {
    ...lines,
    placedRows: async function* () {
      chosen = (await holdsRowsOnLines(file, extension === '.jsonl')) ? lines : whole
      yield* chosen.placedRows()
    },
    readAgain: (place) => chosen.readAgain(place),
  }
}

function recordSource<Row>(file: DataFile, format: Format, fieldOptions: FieldOptions): RowSource<Row> {
  const again = inMemory(file, LARGEST_HELD) // row by row, a file on disk takes a hundred times as long as in one pass
  let columns: readonly string[] = []
  async function* placedRows(): AsyncGenerator<PlacedRow<Row>> {
    let isHeader = format.hasHeader
    for await (const record of readRecords(file, format.quoted)) {
      if (isHeader) {
        columns = format.parseHeader(record, file.name)
        isHeader = false
        continue
      }
      // The caller names the row type: no schema is checked beyond the format.
      const row = format.parse(record, file.name, columns) as Row
      yield { row, label: `${file.name}:${record.line}`, place: [record.start, record.end] }
    }
  }
  return {
    name: file.name,
    fieldOptions,
    isRereadable: true,
    placedRows,
    readAgain: async ([start, end]) => {
      const bytes = await again.read(start, end)
      return format.parse({ bytes, start, end, line: 0 }, file.name, columns) as Row
    },
  }
}

function wholeSource<Row>(file: DataFile, fieldOptions: FieldOptions): RowSource<Row> {
  let rows: Promise<readonly DataRow[]> | undefined
  const read = () => {
    rows ??= readJsonRows(file)
    rows.catch(() => {
      rows = undefined // the next pass tries again
    })
    return rows
  }
  return {
    name: file.name,
    fieldOptions,
    isRereadable: true,
    placedRows: async function* () {
      for (const [index, row] of (await read()).entries()) {
        yield { row: copiedRow(row) as Row, label: `${file.name}, row ${index + 1}`, place: [index, index + 1] }
      }
    },
    readAgain: async ([index]) => copiedRow((await read())[index]) as Row,
  }
}
