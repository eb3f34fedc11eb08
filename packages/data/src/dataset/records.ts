/**
 * Cuts a file into records without holding it: lines, or CSV records whose quoted fields may contain line breaks. Every record comes
 * with its byte range and line number, so that it can be named in an error and read again later. Parsing is left to formats.ts.
 */
import { EspalierError } from '@espalier/core'
import type { DataFile } from './data-file.js'

/** The bytes of one record and where they stand. */
export interface ByteRecord {
  readonly bytes: Uint8Array
  /** Offset of its first byte in the file. */
  readonly start: number
  readonly end: number
  /** Line of its first byte, counted from 1. */
  readonly line: number
}

const CHUNK = 1 << 20 // bytes read at a time
const LONGEST_RECORD = 1 << 28 // 256 MiB: a longer record is a file of another kind
const [NEWLINE, QUOTE, COMMA] = [0x0a, 0x22, 0x2c]

/** Every record that is not blank, in file order. quoted: double quotes protect line breaks, as in CSV. */
export async function* readRecords(file: DataFile, quoted: boolean): AsyncGenerator<ByteRecord> {
  const byteLength = await file.byteLength()
  const findEnd = quoted ? quotedRecordEnd() : (bytes: Uint8Array, from: number) => bytes.indexOf(NEWLINE, from)
  let kept: Uint8Array = new Uint8Array(0) // the beginning of a record that the last chunk did not end
  let start = await firstOffset(file, byteLength)
  let line = 1
  for (let position = start; position < byteLength; ) {
    const chunk = await file.read(position, Math.min(byteLength, position + CHUNK))
    position += chunk.length
    const bytes = kept.length === 0 ? chunk : join(kept, chunk)
    let begin = 0
    let from = kept.length
    for (let end = findEnd(bytes, from); end >= 0; end = findEnd(bytes, from)) {
      const record = bytes.subarray(begin, end)
      if (!isBlank(record)) yield { bytes: record, start: start + begin, end: start + end, line }
      line += quoted ? countNewlines(record) + 1 : 1
      begin = end + 1
      from = begin
    }
    kept = bytes.slice(begin)
    start += begin
    if (kept.length > LONGEST_RECORD) throw tooLong(file.name, line)
  }
  if (!isBlank(kept)) yield { bytes: kept, start, end: start + kept.length, line }
}

/** Offset of the first byte after a UTF-8 byte-order mark. Throws data.file for UTF-16. */
async function firstOffset(file: DataFile, byteLength: number): Promise<number> {
  const [a, b, c] = await file.read(0, Math.min(3, byteLength))
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw new EspalierError('data.file', {
      what: 'a data file is UTF-16',
      got: { file: file.name },
      fix: 'Save it as UTF-8.',
    })
  }
  return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0
}

/** Finds ends of CSV records; it remembers whether a chunk ended inside quotes. A quote opens a field only at its beginning. */
function quotedRecordEnd(): (bytes: Uint8Array, from: number) => number {
  let inQuotes = false
  let atFieldStart = true
  return (bytes, from) => {
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i]
      if (inQuotes) {
        // A doubled quote closes and opens again: the byte after a closing quote may open.
        if (byte === QUOTE) {
          inQuotes = false
          atFieldStart = true
        }
      } else if (byte === QUOTE && atFieldStart) inQuotes = true
      else if (byte === NEWLINE) {
        atFieldStart = true
        return i
      } else atFieldStart = byte === COMMA
    }
    return -1
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE)
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) if (byte === NEWLINE) count += 1
  return count
}

function tooLong(file: string, line: number): EspalierError {
  return new EspalierError('data.file', {
    what: 'a record is longer than 256 MiB',
    got: { file, line },
    fix: 'Check that the file has one record a line and that its quotes are closed.',
  })
}
