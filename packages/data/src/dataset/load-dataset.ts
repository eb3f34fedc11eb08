/** Where data sets come from: files of any size, whose rows are not held, and rows from memory or a generator. */
import { checkOptions, EspalierError, type OptionKinds } from '@espalier/core'
import { openPath } from '../platform/node.js'
import { blobFile, type DataFile, inMemory, isDataFile } from './data-file.js'
import { type Dataset, datasetOf } from './dataset.js'
import { asRow, type DataRow, extensionOf, type Format, formats, readJsonRows } from './formats.js'
import { compressedByName, parquet } from './other-kinds.js'
import { readRecords } from './records.js'
import type { PlacedRow } from './row-source.js'
import type { FieldOptions } from './shape.js'

/** A file of rows: a path, a file URL, a File or Blob, or a file of one's own. */
export type FileSource = string | URL | Blob | DataFile

/** What rows can be loaded from: a file, or rows. */
export type DataSource<Row extends object = DataRow> = FileSource | Iterable<Row> | AsyncIterable<Row>

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
  dataFiles: 'Give the file itself: loadDataset("train.jsonl")',
  streaming: 'Leave it out: files are always read row by row',
}

/** The rows of a file. Nothing is read until they are asked for. Throws config.* for options that do not exist and for what is no source, data.file when the kind of the file is not known. */
export function loadDataset<Row extends object = DataRow>(
  source: FileSource,
  options?: LoadDatasetOptions,
): Dataset<Row>
/** Rows from memory or a generator. */
export function loadDataset<Row extends object>(
  source: Iterable<Row> | AsyncIterable<Row>,
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
  checkOptions('loadDataset', options, OPTIONS, OTHERS)
  const { format, ...fieldOptions } = options
  if (typeof source === 'string' || source instanceof URL) return fromFile(openPath(source), format, fieldOptions)
  if (source instanceof Blob) return fromFile(blobFile(source), format, fieldOptions)
  if (isDataFile(source)) return fromFile(source, format, fieldOptions)
  const isIterable =
    typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source)
  if (!isIterable)
    throw new EspalierError('config.value', {
      what: 'this is neither a file nor rows to go through',
      got: { source: source === null ? null : typeof source },
      fix: 'Give the path of a file, or an array of rows',
    })
  return fromRows(source as Iterable<Row> | AsyncIterable<Row>, fieldOptions)
}

function fromFile<Row>(file: DataFile, format: string | undefined, fieldOptions: FieldOptions): Dataset<Row> {
  const extension = format ?? extensionOf(file.name)
  if (extension === '.json') return fromJson(file, fieldOptions)
  const known = formats[extension]
  if (known !== undefined) return fromRecords(file, known, fieldOptions)
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

function fromRecords<Row>(file: DataFile, format: Format, fieldOptions: FieldOptions): Dataset<Row> {
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
  return datasetOf<Row>({
    name: file.name,
    fieldOptions,
    isRereadable: true,
    placedRows,
    readAgain: async ([start, end]) => {
      const bytes = await again.read(start, end)
      return format.parse({ bytes, start, end, line: 0 }, file.name, columns) as Row
    },
  })
}

function fromJson<Row>(file: DataFile, fieldOptions: FieldOptions): Dataset<Row> {
  let rows: Promise<readonly DataRow[]> | undefined
  const read = () => {
    rows ??= readJsonRows(file)
    return rows
  }
  return datasetOf<Row>({
    name: file.name,
    fieldOptions,
    isRereadable: true,
    placedRows: async function* () {
      for (const [index, row] of (await read()).entries()) {
        yield { row: row as Row, label: `${file.name}, row ${index + 1}`, place: [index, index + 1] }
      }
    },
    readAgain: async ([index]) => (await read())[index] as Row,
  })
}

function fromRows<Row>(source: Iterable<Row> | AsyncIterable<Row>, fieldOptions: FieldOptions): Dataset<Row> {
  const array = Array.isArray(source) ? (source as readonly Row[]) : undefined
  return datasetOf<Row>({
    name: 'rows',
    fieldOptions,
    isRereadable: array !== undefined,
    placedRows: async function* () {
      let index = 0
      for await (const row of source) {
        asRow(row, { row: index + 1 })
        yield { row, label: `row ${index + 1}`, place: [index, index + 1] }
        index += 1
      }
    },
    readAgain: async ([index]) => {
      const row = array?.[index]
      if (row !== undefined) return row
      throw new EspalierError('data.file', {
        what: 'rows of a generator cannot be read again',
        got: { row: index + 1 },
        fix: 'Pass an array or a file.',
      })
    },
  })
}
