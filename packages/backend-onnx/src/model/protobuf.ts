/** Writing protocol buffers: the four wire forms that ONNX needs, and nothing else. */

const VARINT = 0
const BYTES = 2
const FIXED32 = 5
const FIRST_BYTES = 128 // most messages fit without growing

const encoder = new TextEncoder()

/** Fields of one message, in the order they are added. */
export class Message {
  private buffer = new Uint8Array(FIRST_BYTES)
  private size = 0

  /** A whole number from 0 on, or a negative one as 64-bit two's complement. */
  int(field: number, value: number): this {
    this.varint(field * 8 + VARINT)
    this.varint(value)
    return this
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    this.varint(field * 8 + FIXED32)
    this.reserve(4)
    new DataView(this.buffer.buffer).setFloat32(this.size, value, true)
    this.size += 4
    return this
  }

  /** A UTF-8 string. */
  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value))
  }

  /** Raw bytes. */
  bytes(field: number, value: Uint8Array): this {
    this.varint(field * 8 + BYTES)
    this.varint(value.byteLength)
    this.reserve(value.byteLength)
    this.buffer.set(value, this.size)
    this.size += value.byteLength
    return this
  }

  /** Whole numbers in packed form. */
  ints(field: number, values: readonly number[]): this {
    const packed = new Message()
    for (const value of values) packed.varint(value)
    return this.message(field, packed)
  }

  /** A nested message. */
  message(field: number, value: Message): this {
    return this.bytes(field, value.finish())
  }

  /** The message as bytes, which stay its own. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.size)
  }

  private varint(value: number): void {
    this.reserve(10)
    let rest = value
    if (value < 0) {
      // 64-bit two's complement in ten groups of seven bits
      let wide = BigInt.asUintN(64, BigInt(value))
      for (; wide > 0x7fn; wide >>= 7n) this.buffer[this.size++] = Number(wide & 0x7fn) | 0x80
      rest = Number(wide)
    } else {
      for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.buffer[this.size++] = (rest % 128) | 0x80
    }
    this.buffer[this.size++] = rest
  }

  private reserve(count: number): void {
    if (this.size + count <= this.buffer.byteLength) return
    const larger = new Uint8Array(Math.max(2 * this.buffer.byteLength, this.size + count))
    larger.set(this.buffer.subarray(0, this.size))
    this.buffer = larger
  }
}
