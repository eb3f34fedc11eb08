/** Records to rows: what a line of JSONL, CSV, TSV or text means. Finding the records is left to records.ts. */
import { EspalierError, SIGNATURE_BYTES } from '@espalier/core'
import { parseJsonText } from '../written-numbers.js'
import type { DataFile } from './data-file.js'
import { refuseOtherKinds } from './other-kinds.js'
import type { ByteRecord } from './records.js'

/** One row: its fields by column name. */
export type DataRow = Readonly<Record<string, unknown>>

/** How a file is read. */
export interface Format {
  readonly extension: string
  /** Whether the first record names the columns. */
  readonly hasHeader: boolean
  readonly quoted: boolean
  /** The row of a record. columns: the header's fields. Throws data.json or data.csv with the file and line. */
  parse(record: ByteRecord, file: string, columns: readonly string[]): DataRow
  parseHeader(record: ByteRecord, file: string): string[]
}

const noHeader = (): string[] => []

const jsonl: Format = {
  extension: '.jsonl',
  hasHeader: false,
  quoted: false,
  parse: (record, file) => {
    const text = decode(record, file)
    let value: unknown
    try {
      value = parseJsonText(text)
    } catch (cause) {
      throw brokenJson('a line is not JSON', { file, line: record.line, reason: messageOf(cause) }, cause)
    }
    return asRow(value, { file, line: record.line })
  },
  parseHeader: noHeader,
}

const text: Format = {
  extension: '.txt',
  hasHeader: false,
  quoted: false,
  parse: (record, file) => ({ text: decode(record, file).replace(/\r$/, '') }),
  parseHeader: noHeader,
}

const csv: Format = separated('.csv', true, (line, at) => splitCsv(line, at))
// TSV has no quoting: a quote is a character like any other, as in GLUE's files.
const tsv: Format = separated('.tsv', false, (line) => line.split('\t'))

/** The formats that are read record by record, by ending. A value of JSON is read whole: see readJsonRows. */
export const formats: Readonly<Record<string, Format>> = { '.jsonl': jsonl, '.csv': csv, '.tsv': tsv, '.txt': text }

/** Ending of a file name, lower case, with the dot. */
export function extensionOf(name: string): string {
  return /\.[^./\\]+$/.exec(name)?.[0].toLowerCase() ?? ''
}

const LARGEST_JSON = 1 << 29 // 512 MiB: V8's longest string

/** The rows of a file that is one value of JSON: an array of objects, an object with one under `data`, or a single row. Throws data.json. */
export async function readJsonRows(file: DataFile): Promise<DataRow[]> {
  const byteLength = await file.byteLength()
  if (byteLength > LARGEST_JSON) {
    throw brokenJson('a JSON file is too large to be read whole; JSONL streams', { file: file.name, byteLength })
  }
  const bytes = await file.read(0, byteLength)
  refuseOtherKinds(bytes.subarray(0, SIGNATURE_BYTES), file.name)
  let value: unknown
  try {
    value = parseJsonText(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw brokenJson('a file is not JSON', { file: file.name, reason: messageOf(cause) }, cause)
  }
  const below = (value as { data?: unknown } | null)?.data
  const rows: unknown[] = Array.isArray(value) ? value : Array.isArray(below) ? below : [value]
  return rows.map((row, index) => asRow(row, { file: file.name, row: index + 1 }))
}

/** The value as a row. Throws data.json when it is not an object. */
export function asRow(value: unknown, place: Record<string, unknown>): DataRow {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DataRow
  const found = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  throw brokenJson('a row must be a JSON object', { ...place, found })
}

function separated(
  extension: string,
  quoted: boolean,
  split: (line: string, at: () => EspalierError) => string[],
): Format {
  const fields = (record: ByteRecord, file: string) =>
    split(decode(record, file).replace(/\r$/, ''), () =>
      brokenCsv('a quoted field does not end as it should', { file, line: record.line }),
    )
  return {
    extension,
    hasHeader: true,
    quoted,
    parse: (record, file, columns) => {
      const values = fields(record, file)
      if (values.length !== columns.length) {
        throw brokenCsv('a row has another number of fields than the header', {
          file,
          line: record.line,
          fields: values.length,
          columns: columns.length,
        })
      }
      return Object.fromEntries(columns.map((column, index) => [column, values[index]]))
    },
    parseHeader: (record, file) => {
      const columns = fields(record, file).map((column) => column.trim())
      const seen = new Set<string>()
      const repeated = columns.find((column) => seen.size === seen.add(column).size)
      if (repeated !== undefined) throw brokenCsv('two columns have one name', { file, column: repeated })
      return columns
    },
  }
}

/** Fields of a CSV record (RFC 4180). at: the error to throw for a field that goes on after its closing quote. */
function splitCsv(line: string, at: () => EspalierError): string[] {
  const fields: string[] = []
  for (let start = 0; ; ) {
    const isQuoted = line[start] === '"'
    const end = isQuoted ? closingQuote(line, start, at) + 1 : endOfField(line, start)
    fields.push(isQuoted ? line.slice(start + 1, end - 1).replaceAll('""', '"') : line.slice(start, end))
    if (end === line.length) return fields
    if (line[end] !== ',') throw at()
    start = end + 1
  }
}

function endOfField(line: string, start: number): number {
  const comma = line.indexOf(',', start)
  return comma < 0 ? line.length : comma
}

// A doubled quote stands for one; no expression, whose stack a long field would fill.
function closingQuote(line: string, opening: number, at: () => EspalierError): number {
  for (let from = opening + 1; ; ) {
    const quote = line.indexOf('"', from)
    if (quote < 0) throw at()
    if (line[quote + 1] !== '"') return quote
    from = quote + 2
  }
}

function decode(record: ByteRecord, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(record.bytes)
  } catch (cause) {
    throw new EspalierError('data.file', {
      what: 'a line is not UTF-8',
      got: { file, line: record.line },
      fix: 'Save the file as UTF-8.',
      cause,
    })
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function brokenJson(what: string, got: Record<string, unknown>, cause?: unknown): EspalierError {
  return new EspalierError('data.json', {
    what,
    got,
    fix: 'Correct or remove it; JSONL has one JSON object a line.',
    cause,
  })
}

function brokenCsv(what: string, got: Record<string, unknown>): EspalierError {
  return new EspalierError('data.csv', {
    what,
    got,
    fix: 'Quote fields that contain the separator, a quote or a line break.',
  })
}
