/**
 * Writing safetensors: the layout of the reference implementation, byte for byte, streamed tensor by tensor so that no more than one
 * part is in memory. Where the bytes go, and that a file appears whole or not at all, is the output folder's.
 */
import { EspalierError } from '@espalier/core'
import type { FileContent, OutputFolder, WriteOptions } from '../files/output-folder.js'
import { byteLengthOf, dtypeRank, isSafetensorsDType, type SafetensorsDType } from './dtype.js'
import { LENGTH_BYTES } from './header.js'

/** A tensor to write. `bytes` gives its little-endian values, whole or in parts, when its turn comes. */
export interface TensorToWrite {
  readonly name: string
  readonly dtype: SafetensorsDType
  readonly shape: readonly number[]
  bytes(): Uint8Array | Promise<Uint8Array> | FileContent
}

/** Options of a safetensors file. metadata: strings for its header, `{ format: 'pt' }` unless given, as PyTorch's loaders want it. */
export interface SafetensorsOptions extends WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>
}

/** Writes tensors as one safetensors file. Throws safetensors.tensor, safetensors.shape, file.write, or the signal's reason. */
export async function writeSafetensors(
  output: OutputFolder,
  name: string,
  tensors: Iterable<TensorToWrite>,
  { metadata, signal }: SafetensorsOptions = {},
): Promise<void> {
  await output.write(name, safetensorsContent(tensors, metadata), { signal })
}

/** The bytes of a safetensors file in order. The layout is checked before the first byte. */
export function safetensorsContent(
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): AsyncIterable<Uint8Array> {
  const ordered = [...tensors].sort((a, b) => dtypeRank(a.dtype) - dtypeRank(b.dtype) || compareNames(a.name, b.name))
  const header = encodeHeader(ordered, metadata)
  return (async function* () {
    yield header
    for (const tensor of ordered) yield* exactBytes(tensor)
  })()
}

function encodeHeader(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const seen = new Set<string>()
  const parts: string[] = []
  const keys = Object.keys(metadata).sort(compareNames)
  if (keys.length > 0) {
    parts.push(
      `"__metadata__":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join(',')}}`,
    )
  }
  let offset = 0
  for (const { name, dtype, shape } of tensors) {
    if (seen.has(name) || name === '__metadata__') {
      throw new EspalierError('safetensors.tensor', {
        what: seen.has(name) ? 'two tensors have one name' : 'a tensor has a name that the format reserves',
        got: { tensor: name },
        fix: 'Give each tensor its own name.',
      })
    }
    seen.add(name)
    const end = offset + checkedLength(name, dtype, shape)
    parts.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${offset},${end}]}`,
    )
    offset = end
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const padded = Math.ceil(json.byteLength / LENGTH_BYTES) * LENGTH_BYTES
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(json, LENGTH_BYTES)
  return header
}

function checkedLength(name: string, dtype: SafetensorsDType, shape: readonly number[]): number {
  const length =
    isSafetensorsDType(dtype) && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
      ? byteLengthOf(dtype, shape)
      : undefined
  if (length === undefined) {
    throw new EspalierError('safetensors.shape', {
      what: 'a tensor has a dtype or shape that cannot be written',
      got: { tensor: name, dtype, shape },
      fix: 'Shapes are whole numbers from 0 up; dtypes are those of the format.',
    })
  }
  return length
}

async function* exactBytes(tensor: TensorToWrite): AsyncGenerator<Uint8Array> {
  const expected = byteLengthOf(tensor.dtype, tensor.shape) ?? 0
  const given = await tensor.bytes()
  let count = 0
  for await (const part of given instanceof Uint8Array ? [given] : given) {
    count += part.byteLength
    if (count > expected) break
    if (part.byteLength > 0) yield part
  }
  if (count !== expected) {
    throw new EspalierError('safetensors.shape', {
      what: 'a tensor gave another number of bytes than its dtype and shape need',
      got: { tensor: tensor.name, dtype: tensor.dtype, shape: tensor.shape, byteLength: count, expected },
      fix: 'Give exactly the bytes of the tensor.',
    })
  }
}

// By Unicode code points, as bytes of UTF-8 sort; JavaScript's own order is by UTF-16 units.
function compareNames(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
