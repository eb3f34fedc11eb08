/**
 * Cuts a file into records without holding it: lines, or CSV records whose quoted fields may contain line breaks. Every record comes
 * with its byte range and line number, so that it can be named in an error and read again later. Parsing is left to formats.ts.
 */
import { EspalierError, SIGNATURE_BYTES } from '@espalier/core'
import type { DataFile } from './data-file.js'
import { refuseOtherKinds } from './other-kinds.js'

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
const LONGEST_MIB = 64 // far above what a row can train on; a longer record is a file of another kind
const LONGEST_RECORD = LONGEST_MIB << 20 // bytes
const [NEWLINE, QUOTE, COMMA] = [0x0a, 0x22, 0x2c]

/** Every record that is not blank, in file order. quoted: double quotes protect line breaks, as in CSV. Throws data.file for a file of another kind and for a record that is too long, before it is read whole. */
export async function* readRecords(file: DataFile, quoted: boolean): AsyncGenerator<ByteRecord> {
  const byteLength = await file.byteLength()
  const findEnd = quoted ? quotedRecordEnd() : (bytes: Uint8Array, from: number) => bytes.indexOf(NEWLINE, from)
  let open = openRecord(await firstOffset(file, byteLength), 1)
  for (let position = open.start; position < byteLength; ) {
    const chunk = await file.read(position, Math.min(byteLength, position + CHUNK))
    let begin = 0
    for (let end = findEnd(chunk, 0); end >= 0; end = findEnd(chunk, begin)) {
      const record = closed(open, chunk.subarray(begin, end), file.name)
      if (!isBlank(record.bytes)) yield record
      begin = end + 1
      open = openRecord(position + begin, record.line + (quoted ? countNewlines(record.bytes) + 1 : 1))
    }
    position += chunk.length
    if (begin < chunk.length) open.parts.push(chunk.slice(begin)) // a copy: it may outlive the chunk
    if (position - open.start > LONGEST_RECORD) throw tooLong(file.name, open.line)
  }
  const last = closed(open, new Uint8Array(0), file.name)
  if (!isBlank(last.bytes)) yield last
}

/** A record whose end is not found yet; joined once it is, so that reading takes time in proportion to its length. */
interface OpenRecord {
  readonly start: number
  readonly line: number
  readonly parts: Uint8Array[]
}

function openRecord(start: number, line: number): OpenRecord {
  return { start, line, parts: [] }
}

function closed({ start, line, parts }: OpenRecord, last: Uint8Array, file: string): ByteRecord {
  const bytes = parts.length === 0 ? last : join([...parts, last])
  if (bytes.length > LONGEST_RECORD) throw tooLong(file, line)
  return { bytes, start, end: start + bytes.length, line }
}

/** Offset of the first byte after a UTF-8 byte-order mark. Throws data.file for UTF-16 and for what is no text. */
async function firstOffset(file: DataFile, byteLength: number): Promise<number> {
  const beginning = await file.read(0, Math.min(SIGNATURE_BYTES, byteLength))
  refuseOtherKinds(beginning, file.name)
  const [a, b, c] = beginning
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

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const part of parts) {
    joined.set(part, end)
    end += part.length
  }
  return joined
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
    what: `a record is longer than ${LONGEST_MIB} MiB`,
    got: { file, line },
    fix: 'Check that the file has one record a line and that its quotes are closed; split what is one long text into rows.',
  })
}
