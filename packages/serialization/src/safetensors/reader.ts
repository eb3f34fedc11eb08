/** One safetensors file, opened: its checked header, and tensors read by range. Several files as one are sharded.ts's. */
import { EspalierError } from '@espalier/core'
import type { RandomAccessFile } from '../files/model-files.js'
import { headerLength, LENGTH_BYTES, parseHeader, type SafetensorsHeader, type TensorEntry } from './header.js'

/** An open safetensors file. Only the header is in memory. */
export interface SafetensorsFile extends SafetensorsHeader {
  readonly file: RandomAccessFile
  /** The bytes of a tensor, little-endian as in the file. Throws safetensors.tensor for an unknown name. */
  read(name: string): Promise<Uint8Array>
  /** Bytes [start, end) of a tensor. */
  readRange(name: string, start: number, end: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Reads and checks the header of an open file. Throws safetensors.truncated, safetensors.header, safetensors.overlap and their kin. */
export async function openSafetensors(file: RandomAccessFile): Promise<SafetensorsFile> {
  const start = await file.read(0, Math.min(LENGTH_BYTES, file.size))
  const length = headerLength(start, file.size, file.name)
  const header = parseHeader(await file.read(LENGTH_BYTES, LENGTH_BYTES + length), file.size, file.name)
  const readRange = async (name: string, from: number, to: number) => {
    const entry = entryOf(header, name, file.name)
    if (!(from >= 0 && from <= to && to <= entry.byteLength)) {
      throw new EspalierError('safetensors.range', {
        what: 'a range lies outside its tensor',
        got: { file: file.name, tensor: name, start: from, end: to, byteLength: entry.byteLength },
        fix: 'Ask for bytes from 0 to the byteLength of the tensor.',
      })
    }
    return from === to ? new Uint8Array(0) : file.read(entry.offset + from, entry.offset + to)
  }
  return {
    ...header,
    file,
    readRange,
    read: async (name) => readRange(name, 0, entryOf(header, name, file.name).byteLength),
    close: () => file.close(),
  }
}

function entryOf(header: SafetensorsHeader, name: string, file: string): TensorEntry {
  const entry = header.tensors.get(name)
  if (entry === undefined) {
    throw new EspalierError('safetensors.tensor', {
      what: 'a safetensors file has no such tensor',
      got: { file, tensor: name, tensors: [...header.tensors.keys()] },
      fix: 'Use a name from that list.',
    })
  }
  return entry
}
