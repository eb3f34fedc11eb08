/** Little-endian values one after another, from the beginning of a file that may be longer than what was read of it. */
import type { MetadataValue } from './header.js'

/** The bytes at hand end too early. */
export class EndOfBytes extends Error {}

/** A reader over the first bytes of a file. */
export class ByteReader {
  private readonly view: DataView
  at = 0

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.view.getUint8(this.next(1))
  }

  i8(): number {
    return this.view.getInt8(this.next(1))
  }

  u16(): number {
    return this.view.getUint16(this.next(2), true)
  }

  i16(): number {
    return this.view.getInt16(this.next(2), true)
  }

  u32(): number {
    return this.view.getUint32(this.next(4), true)
  }

  i32(): number {
    return this.view.getInt32(this.next(4), true)
  }

  f32(): number {
    return this.view.getFloat32(this.next(4), true)
  }

  f64(): number {
    return this.view.getFloat64(this.next(8), true)
  }

  u64(): number | bigint {
    return asNumber(this.view.getBigUint64(this.next(8), true))
  }

  i64(): number | bigint {
    return asNumber(this.view.getBigInt64(this.next(8), true))
  }

  /** UTF-8 of so many bytes; broken sequences become U+FFFD, as llama.cpp keeps whatever bytes are there. */
  text(byteLength: number): string {
    const start = this.next(byteLength)
    return UTF8.decode(this.bytes.subarray(start, start + byteLength))
  }

  private next(byteLength: number): number {
    const start = this.at
    if (start + byteLength > this.bytes.byteLength) throw new EndOfBytes()
    this.at = start + byteLength
    return start
  }
}

/** How each kind of value that has a length of its own is read, by its number in the format. */
export const scalars: Readonly<Record<number, { readonly size: number; read(reader: ByteReader): MetadataValue }>> = {
  0: { size: 1, read: (reader) => reader.u8() },
  1: { size: 1, read: (reader) => reader.i8() },
  2: { size: 2, read: (reader) => reader.u16() },
  3: { size: 2, read: (reader) => reader.i16() },
  4: { size: 4, read: (reader) => reader.u32() },
  5: { size: 4, read: (reader) => reader.i32() },
  6: { size: 4, read: (reader) => reader.f32() },
  7: { size: 1, read: (reader) => reader.u8() !== 0 },
  10: { size: 8, read: (reader) => reader.u64() },
  11: { size: 8, read: (reader) => reader.i64() },
  12: { size: 8, read: (reader) => reader.f64() },
}

const UTF8 = new TextDecoder()

function asNumber(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
