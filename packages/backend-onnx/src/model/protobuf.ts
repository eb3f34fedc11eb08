/** Writing protocol buffers: the four wire forms that ONNX needs, and nothing else. */

const VARINT = 0
const BYTES = 2
const FIXED32 = 5

const text = new TextEncoder()

/** Fields of one message, in the order they are added. */
export class Message {
  private readonly parts: Uint8Array[] = []
  private size = 0

  /** Bytes that the message takes. */
  get byteLength(): number {
    return this.size
  }

  /** A whole number from 0 on, or a negative one as 64-bit two's complement. */
  int(field: number, value: number): this {
    return this.push(varint(field * 8 + VARINT)).push(varint(value))
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.push(varint(field * 8 + FIXED32)).push(bytes)
  }

  /** A UTF-8 string. */
  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value))
  }

  /** Raw bytes, not copied until `finish`. */
  bytes(field: number, value: Uint8Array): this {
    return this.push(varint(field * 8 + BYTES))
      .push(varint(value.byteLength))
      .push(value)
  }

  /** Whole numbers in packed form. */
  ints(field: number, values: readonly number[]): this {
    const packed = new Message()
    for (const value of values) packed.push(varint(value))
    return this.message(field, packed)
  }

  /** A nested message. */
  message(field: number, value: Message): this {
    this.push(varint(field * 8 + BYTES)).push(varint(value.size))
    for (const part of value.parts) this.push(part)
    return this
  }

  /** The message as bytes. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.size)
    let offset = 0
    for (const part of this.parts) {
      out.set(part, offset)
      offset += part.byteLength
    }
    return out
  }

  private push(part: Uint8Array): this {
    this.parts.push(part)
    this.size += part.byteLength
    return this
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
