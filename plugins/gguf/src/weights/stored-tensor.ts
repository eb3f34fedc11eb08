/** One tensor of a GGUF file as bytes of tensors that safetensors knows: itself where it is floats, its parts where it is packed. */
import type { RandomAccessFile } from '@espalier/serialization'
import type { GgufTensor } from '../header/header.js'
import { listed, type PackedType, partShape, partsOf, type WeightPart } from './weight-parts.js'

/** A tensor under transformers' name. */
export interface StoredTensor {
  readonly name: string
  /** safetensors' word for it. */
  readonly dtype: 'F32' | 'F16' | 'BF16' | 'U8' | 'I8'
  readonly shape: readonly number[]
  readonly byteLength: number
  /** The bytes [start, end). */
  read(file: RandomAccessFile, start: number, end: number): Promise<Uint8Array>
}

/** What a tensor of the file is to a model. */
export interface Placement {
  /** transformers' name of it: `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string
  /** From which row of the file each row comes; undefined: they are in order. */
  readonly rows?: readonly number[]
}

const PART = 8 * 2 ** 20 // bytes of the file that are held at a time, a row at least
const DTYPES = { u8: 'U8', i8: 'I8', f16: 'F16' } as const

/** The tensors that stand for one of the file. */
export function storedTensors(tensor: GgufTensor, { name, rows }: Placement): StoredTensor[] {
  const { type, shape, byteLength } = tensor
  const raw = new Rows(tensor, rows)
  if (type.plain !== undefined) {
    const read = (file: RandomAccessFile, start: number, end: number) => raw.bytes(file, start, end)
    return [{ name, dtype: type.plain, shape, byteLength, read }]
  }
  const packed = type as PackedType
  const layer = name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : name
  return listed(partsOf(packed)).map((part) => ({
    name: `${layer}.${part.name}`,
    dtype: DTYPES[part.dtype],
    shape: partShape(part, type, shape),
    byteLength: (byteLength / type.byteLength) * part.blockBytes,
    read: (file, start, end) => partBytes(raw, part, { file, start, end }),
  }))
}

interface Range {
  readonly file: RandomAccessFile
  readonly start: number
  readonly end: number
}

/** Bytes of a part: of the blocks that hold them, some rows at a time. */
async function partBytes(raw: Rows, part: WeightPart, { file, start, end }: Range): Promise<Uint8Array> {
  const { byteLength: blockLength } = raw.tensor.type
  const result = new Uint8Array(end - start)
  const share = new Uint8Array(part.blockBytes)
  const rowBytes = (raw.rowBytes / blockLength) * part.blockBytes
  for (let row = Math.floor(start / rowBytes); row * rowBytes < end; ) {
    const until = Math.min(row + raw.rowsAtOnce, Math.ceil(end / rowBytes))
    const blocks = await raw.rows(file, row, until)
    for (let block = 0; block * blockLength < blocks.length; block++) {
      const at = row * rowBytes + block * part.blockBytes - start
      if (at + part.blockBytes <= 0 || at >= result.length) continue
      part.take(blocks.subarray(block * blockLength, (block + 1) * blockLength), share)
      const from = Math.max(0, -at)
      result.set(share.subarray(from, Math.min(part.blockBytes, result.length - at)), at + from)
    }
    row = until
  }
  return result
}

/** The rows of a tensor in the order of the model. */
class Rows {
  readonly rowBytes: number
  readonly rowsAtOnce: number

  constructor(
    readonly tensor: GgufTensor,
    private readonly order: readonly number[] | undefined,
  ) {
    const { shape, byteLength } = tensor
    const count = shape.slice(0, -1).reduce((product, size) => product * size, 1)
    this.rowBytes = count === 0 ? 0 : byteLength / count
    this.rowsAtOnce = Math.max(1, Math.floor(PART / Math.max(1, this.rowBytes)))
  }

  /** The rows [from, until). */
  async rows(file: RandomAccessFile, from: number, until: number): Promise<Uint8Array> {
    const { order, rowBytes, tensor } = this
    const at = (row: number) => tensor.offset + row * rowBytes
    if (order === undefined) return file.read(at(from), at(until))
    const wanted = order.slice(from, until)
    const [first, last] = [Math.min(...wanted), Math.max(...wanted)]
    const held = await file.read(at(first), at(last + 1))
    const result = new Uint8Array((until - from) * rowBytes)
    for (const [i, row] of wanted.entries())
      result.set(held.subarray((row - first) * rowBytes, (row - first + 1) * rowBytes), i * rowBytes)
    return result
  }

  /** The bytes [start, end). */
  async bytes(file: RandomAccessFile, start: number, end: number): Promise<Uint8Array> {
    const { order, rowBytes, tensor } = this
    if (order === undefined || start === end) return file.read(tensor.offset + start, tensor.offset + end)
    const first = Math.floor(start / rowBytes)
    const held = await this.rows(file, first, Math.ceil(end / rowBytes))
    return held.slice(start - first * rowBytes, end - first * rowBytes)
  }
}
