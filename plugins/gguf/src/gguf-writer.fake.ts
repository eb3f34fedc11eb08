/** Writes GGUF files as llama.cpp does, for tests: whole ones, and ones with any fault that a caller asks for. */
import type { PackedType } from './weights/weight-parts.js'

/** A value with the number of its kind. */
export type Written = readonly [kind: 'u32' | 'f32' | 'bool' | 'text' | 'texts' | 'i32s' | 'u64', value: unknown]

/** A tensor with its bytes. */
export interface WrittenTensor {
  readonly name: string
  /** Slowest axis first. */
  readonly shape: readonly number[]
  readonly type: number
  readonly bytes: Uint8Array
}

const ALIGNMENT = 32

/** The bytes of a file. */
export function ggufBytes(
  metadata: Readonly<Record<string, Written>>,
  tensors: readonly WrittenTensor[],
  { version = 3 }: { readonly version?: number } = {},
): Uint8Array<ArrayBuffer> {
  const out = new Bytes()
  out.text('GGUF', false)
  out.u32(version)
  out.u64(tensors.length)
  out.u64(Object.keys(metadata).length)
  for (const [key, value] of Object.entries(metadata)) {
    out.text(key)
    out.value(value)
  }
  let offset = 0
  for (const { name, shape, type, bytes } of tensors) {
    out.text(name)
    out.u32(shape.length)
    for (const size of [...shape].reverse()) out.u64(size)
    out.u32(type)
    out.u64(offset)
    offset += Math.ceil(bytes.byteLength / ALIGNMENT) * ALIGNMENT
  }
  out.pad(ALIGNMENT)
  for (const { bytes } of tensors) {
    out.raw(bytes)
    out.pad(ALIGNMENT)
  }
  return out.joined()
}

/** Blocks of a type with codes that count on, and the scale 1/64. */
export function countingBlocks({ byteLength, size, packed }: PackedType, weights: number): Uint8Array {
  const bytes = Uint8Array.from({ length: (weights / size) * byteLength }, (_, i) => (i * 37) % 256)
  for (let at = 0; at < bytes.length; at += byteLength)
    for (const half of [packed.scaleAt, packed.least?.at]) if (half !== undefined) bytes.set([0, 0x24], at + half)
  return bytes
}

class Bytes {
  private readonly parts: Uint8Array[] = []
  private length = 0

  raw(bytes: Uint8Array): void {
    this.parts.push(bytes)
    this.length += bytes.byteLength
  }

  pad(to: number): void {
    this.raw(new Uint8Array(Math.ceil(this.length / to) * to - this.length))
  }

  u32(value: number): void {
    this.number(4, (view) => view.setUint32(0, value, true))
  }

  u64(value: number | bigint): void {
    this.number(8, (view) => view.setBigUint64(0, BigInt(value), true))
  }

  text(text: string, counted = true): void {
    const bytes = new TextEncoder().encode(text)
    if (counted) this.u64(bytes.byteLength)
    this.raw(bytes)
  }

  value([kind, value]: Written): void {
    switch (kind) {
      case 'u32':
        this.u32(4)
        this.u32(value as number)
        return
      case 'u64':
        this.u32(10)
        this.u64(value as number | bigint)
        return
      case 'f32':
        this.u32(6)
        this.number(4, (view) => view.setFloat32(0, value as number, true))
        return
      case 'bool':
        this.u32(7)
        this.raw(Uint8Array.of(value === true ? 1 : 0))
        return
      case 'text':
        this.u32(8)
        this.text(value as string)
        return
      case 'texts':
        this.list(8, value as readonly string[], (each) => this.text(each))
        return
      case 'i32s':
        this.list(5, value as readonly number[], (each) => this.u32(each))
    }
  }

  joined(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length)
    let at = 0
    for (const part of this.parts) {
      all.set(part, at)
      at += part.byteLength
    }
    return all
  }

  private list<T>(kind: number, values: readonly T[], write: (value: T) => void): void {
    this.u32(9)
    this.u32(kind)
    this.u64(values.length)
    for (const value of values) write(value)
  }

  private number(byteLength: number, write: (view: DataView) => void): void {
    const bytes = new Uint8Array(byteLength)
    write(new DataView(bytes.buffer))
    this.raw(bytes)
  }
}
