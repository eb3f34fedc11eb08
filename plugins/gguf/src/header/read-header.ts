/**
 * The header of a GGUF file, versions 2 and 3, little-endian. Whatever it says is held against the file before memory is taken for it.
 * Source: the format's description in ggml's docs/gguf.md.
 */
import type { RandomAccessFile } from '@espalier/serialization'
import { type BlockType, blockTypeOf } from '../blocks/block-type.js'
import { badHeader, unsupportedGguf } from '../errors.js'
import { ByteReader, EndOfBytes, scalars } from './byte-reader.js'
import type { GgufHeader, GgufTensor, MetadataValue } from './header.js'

const MAGIC = 0x46554747 // "GGUF"
const FIRST_BYTES = 4 * 2 ** 20
const GROWTH = 4
const LARGEST_HEADER = 512 * 2 ** 20 // bytes; vocabularies of a million tokens stay well below
const VERSIONS = [2, 3]
const DEFAULT_ALIGNMENT = 32
const TEXT = 8
const LIST = 9
const MOST_DIMENSIONS = 4
const LEAST_ENTRY = 8 + 4 + 1 // bytes of a key's length, a kind and a value
const LEAST_TENSOR = 8 + 4 + 8 + 4 + 8

/** Reads and checks the header. Throws gguf.header, and gguf.unsupported for other versions and types of tensors. */
export async function readHeader(file: RandomAccessFile): Promise<GgufHeader> {
  const most = Math.min(file.size, LARGEST_HEADER)
  for (let length = Math.min(FIRST_BYTES, most); ; length = Math.min(GROWTH * length, most)) {
    try {
      return new HeaderReader(await file.read(0, length), file).read()
    } catch (error) {
      if (!(error instanceof EndOfBytes)) throw error
      if (length === most) throw badHeader('the file ends inside its header', file)
    }
  }
}

class HeaderReader {
  private readonly reader: ByteReader

  constructor(
    bytes: Uint8Array,
    private readonly file: RandomAccessFile,
  ) {
    this.reader = new ByteReader(bytes)
  }

  read(): GgufHeader {
    const { reader } = this
    if (reader.u32() !== MAGIC) throw badHeader('the file does not begin with GGUF', this.file)
    const version = reader.u32()
    if (!VERSIONS.includes(version))
      throw unsupportedGguf('the file is of a version, or a byte order, that is not read', this.file, {
        version,
        known: VERSIONS,
      })
    const tensorCount = this.count('tensors', LEAST_TENSOR)
    const metadata = this.metadata(this.count('metadata', LEAST_ENTRY))
    const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
    if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 1 || alignment % 8 !== 0)
      throw badHeader('the alignment is no multiple of 8', this.file, { alignment: String(alignment) })
    return { metadata, tensors: this.tensors(tensorCount, alignment) }
  }

  private metadata(count: number): Map<string, MetadataValue> {
    const metadata = new Map<string, MetadataValue>()
    for (let i = 0; i < count; i++) {
      const key = this.text('a key')
      if (metadata.has(key)) throw badHeader('a key occurs twice', this.file, { key })
      metadata.set(key, this.value(key, this.reader.u32()))
    }
    return metadata
  }

  private value(key: string, kind: number): MetadataValue {
    if (kind === TEXT) return this.text(key)
    if (kind === LIST) return this.list(key)
    const scalar = Object.hasOwn(scalars, kind) ? scalars[kind] : undefined
    if (scalar === undefined)
      throw badHeader('a value is of a kind that the format does not have', this.file, { key, kind })
    return scalar.read(this.reader)
  }

  private list(key: string): readonly MetadataValue[] {
    const kind = this.reader.u32()
    if (kind === LIST) throw badHeader('a list holds lists', this.file, { key })
    const count = this.count(key, scalars[kind]?.size ?? 8)
    return Array.from({ length: count }, () => this.value(key, kind))
  }

  private tensors(count: number, alignment: number): Map<string, GgufTensor> {
    const { reader, file } = this
    const found: { name: string; shape: number[]; type: BlockType; offset: number }[] = []
    for (let i = 0; i < count; i++) {
      const name = this.text('the name of a tensor')
      const dimensions = reader.u32()
      if (dimensions > MOST_DIMENSIONS)
        throw badHeader('a tensor has too many dimensions', file, { tensor: name, dimensions })
      const shape = Array.from({ length: dimensions }, () => this.number(name, reader.u64())).reverse()
      const type = blockTypeOf(reader.u32(), name, file)
      found.push({ name, shape, type, offset: this.number(name, reader.u64()) })
    }
    const start = Math.ceil(reader.at / alignment) * alignment
    const tensors = new Map<string, GgufTensor>()
    for (const { name, shape, type, offset } of found) {
      if (tensors.has(name)) throw badHeader('two tensors have one name', file, { tensor: name })
      if (offset % alignment !== 0)
        throw badHeader('a tensor is not aligned', file, { tensor: name, offset, alignment })
      const row = shape[shape.length - 1] ?? 1
      if (row % type.size !== 0)
        throw badHeader('the rows of a tensor do not part into blocks of its type', file, {
          tensor: name,
          shape,
          type: type.name,
        })
      const byteLength = (shape.reduce((product, size) => product * size, 1) / type.size) * type.byteLength
      if (!Number.isSafeInteger(byteLength) || start + offset + byteLength > file.size)
        throw badHeader('a tensor does not lie inside the file', file, {
          tensor: name,
          shape,
          type: type.name,
          offset: start + offset,
          byteLength: file.size,
        })
      tensors.set(name, { name, shape, type, offset: start + offset, byteLength })
    }
    this.refuseOverlaps([...tensors.values()])
    return tensors
  }

  private refuseOverlaps(tensors: readonly GgufTensor[]): void {
    const sorted = tensors.filter(({ byteLength }) => byteLength > 0).sort((a, b) => a.offset - b.offset)
    for (const [i, { name, offset, byteLength }] of sorted.entries()) {
      const after = sorted[i + 1]
      if (after !== undefined && after.offset < offset + byteLength)
        throw badHeader('two tensors overlap', this.file, { tensors: [name, after.name] })
    }
  }

  private text(what: string): string {
    return this.reader.text(this.count(what, 1))
  }

  // A count of things that take at least so many bytes each, all of which the file has.
  private count(what: string, bytesEach: number): number {
    const count = this.number(what, this.reader.u64())
    if (count * bytesEach <= this.file.size - this.reader.at) return count
    throw badHeader('a length says more than the file holds', this.file, { what, count })
  }

  private number(what: string, value: number | bigint): number {
    if (typeof value === 'number' && value >= 0) return value
    throw badHeader('a number is beyond all files', this.file, { what, number: String(value) })
  }
}
