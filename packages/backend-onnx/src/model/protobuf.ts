/** Writing protocol buffers: the four wire forms that ONNX needs, and nothing else. */

const VARINT = 0
const BYTES = 2
const FIXED32 = 5
const FIRST_BYTES = 64 // small enough to lie in the heap of JavaScript
const SHORT = 256 // characters; up to here a loop is faster than the encoder

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
    return value.length <= SHORT && this.ascii(field, value) ? this : this.bytes(field, encoder.encode(value))
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

  /** A nested message that is written right here. */
  nested(field: number, write: (message: this) => void): this {
    this.varint(field * 8 + BYTES)
    const start = this.size
    write(this)
    const length = this.size - start
    // Its length stands before it and is known only now.
    this.varint(length)
    const width = this.size - start - length
    this.buffer.copyWithin(start + width, start, start + length)
    this.size = start
    this.varint(length)
    this.size += length
    return this
  }

  /** The message as bytes, which stay its own. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.size)
  }

  /** False, and nothing is written, when the text has other characters than ASCII. */
  private ascii(field: number, value: string): boolean {
    const before = this.size
    this.varint(field * 8 + BYTES)
    this.varint(value.length)
    this.reserve(value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) {
        this.size = before
        return false
      }
      this.buffer[this.size++] = code
    }
    return true
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
