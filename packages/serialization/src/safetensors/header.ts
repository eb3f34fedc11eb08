/**
 * The header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes. Everything in it is hostile until checked here;
 * after `parseHeader` every range lies inside the file, fits its dtype and shape, and no two overlap.
 */
import { EspalierError, fileSignature } from '@espalier/core'
import { type JsonNode, JsonProblem, parseJsonNodes } from '../files/strict-json.js'
import { byteLengthOf, isSafetensorsDType, type SafetensorsDType } from './dtype.js'

/** One tensor of a file. `offset` counts from the start of the file. */
export interface TensorEntry {
  readonly name: string
  readonly dtype: SafetensorsDType
  readonly shape: readonly number[]
  readonly offset: number
  readonly byteLength: number
}

/** A checked header. Tensors stand in the order of their bytes. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

/** Bytes before the JSON: its length as a little-endian 64-bit number. */
export const LENGTH_BYTES = 8
const LARGEST_HEADER = 100_000_000 // bytes, the limit of the reference implementation

/** The length of the JSON part. start: the first 8 bytes. size: of the whole file. Throws safetensors.truncated, safetensors.header. */
export function headerLength(start: Uint8Array, size: number, file: string): number {
  if (start.byteLength < LENGTH_BYTES) {
    throw truncated('a safetensors file is too short to have a header', { file, byteLength: size })
  }
  const signature = fileSignature(start)
  if (signature !== undefined)
    throw new EspalierError('safetensors.header', {
      what: `a file is ${signature.name} and no safetensors file, whatever its name says`,
      got: { file },
      fix:
        signature.kind === 'compressed'
          ? 'Decompress it under this name.'
          : 'Download or save the weights as safetensors.',
    })
  const length = new DataView(start.buffer, start.byteOffset, start.byteLength).getBigUint64(0, true)
  if (length > BigInt(LARGEST_HEADER)) {
    throw new EspalierError('safetensors.header', {
      what: 'a safetensors header claims to be larger than the format allows',
      got: { file, headerLength: length.toString(), limit: LARGEST_HEADER },
      fix: 'It is not a safetensors file, or it is damaged; download it again.',
    })
  }
  if (LENGTH_BYTES + Number(length) > size) {
    throw truncated('a safetensors file ends inside its header', {
      file,
      headerLength: Number(length),
      byteLength: size,
    })
  }
  return Number(length)
}

/** Parses and checks the JSON part. json: its bytes. size: of the whole file. Throws safetensors.* naming the file and the tensors. */
export function parseHeader(json: Uint8Array, size: number, file: string): SafetensorsHeader {
  const root = parseRoot(json, file)
  const dataStart = LENGTH_BYTES + json.byteLength
  const tensors: TensorEntry[] = []
  const problems: Problem[] = []
  for (const [name, node] of root) {
    if (name === '__metadata__') continue
    const entry = parseEntry(name, node, dataStart)
    if ('code' in entry) problems.push(entry)
    else tensors.push(entry)
  }
  throwProblems(problems, file)
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
  checkLayout(tensors, dataStart, size, file)
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: parseMetadata(root.get('__metadata__'), file),
  }
}

interface Problem {
  readonly code: 'safetensors.header' | 'safetensors.dtype' | 'safetensors.shape'
  readonly tensor: string
  readonly problem: string
}

function parseRoot(json: Uint8Array, file: string): ReadonlyMap<string, JsonNode> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  } catch (cause) {
    throw damaged('a safetensors header is not UTF-8', { file }, cause)
  }
  if (!text.startsWith('{')) throw damaged('a safetensors header does not begin with {', { file })
  try {
    return parseJsonNodes(text) as ReadonlyMap<string, JsonNode>
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause
    throw damaged(`a safetensors header is not valid JSON: ${cause.reason}`, { file, position: cause.position }, cause)
  }
}

function parseEntry(name: string, node: JsonNode, dataStart: number): TensorEntry | Problem {
  const fail = (problem: string, code: Problem['code'] = 'safetensors.header') => ({ code, tensor: name, problem })
  if (!(node instanceof Map)) return fail('is not an object')
  const fields = node as ReadonlyMap<string, JsonNode>
  const extra = [...fields.keys()].filter((key) => key !== 'dtype' && key !== 'shape' && key !== 'data_offsets')
  if (extra.length > 0) return fail(`has fields that the format does not know: ${extra.join(', ')}`)
  const dtype = fields.get('dtype')
  if (typeof dtype !== 'string') return fail('has no dtype')
  if (!isSafetensorsDType(dtype)) return fail(`has an unknown dtype ${JSON.stringify(dtype)}`, 'safetensors.dtype')
  const shape = fields.get('shape')
  if (!isCounts(shape)) return fail('has a shape that is not a list of whole numbers from 0 up', 'safetensors.shape')
  const offsets = fields.get('data_offsets')
  if (!isCounts(offsets) || offsets.length !== 2)
    return fail('has data_offsets that are not two whole numbers from 0 up')
  const [begin = 0, end = 0] = offsets
  if (end < begin) return fail(`has data_offsets that run backwards: ${begin} to ${end}`)
  const expected = byteLengthOf(dtype, shape)
  if (expected === undefined) return fail(`has a shape too large to count: [${shape.join(', ')}]`, 'safetensors.shape')
  if (expected !== end - begin) {
    return fail(
      `needs ${expected} bytes for ${dtype} [${shape.join(', ')}] and has ${end - begin}`,
      'safetensors.shape',
    )
  }
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin }
}

function isCounts(node: JsonNode | undefined): node is readonly number[] {
  return Array.isArray(node) && node.every((size) => Number.isSafeInteger(size) && (size as number) >= 0)
}

function throwProblems(problems: readonly Problem[], file: string): void {
  const first = problems[0]
  if (first === undefined) return
  throw new EspalierError(first.code, {
    what: 'tensors in a safetensors header are described wrongly',
    got: { file, problems: problems.map(({ tensor, problem }) => `${tensor} ${problem}`) },
    fix: 'The file is damaged or was not written by a safetensors writer; download or save it again.',
  })
}

// The format demands that the tensors' bytes follow each other without gap or overlap and end with the file.
function checkLayout(tensors: readonly TensorEntry[], dataStart: number, size: number, file: string): void {
  let end = dataStart
  let before: TensorEntry | undefined
  const problems: string[] = []
  for (const tensor of tensors) {
    if (tensor.offset < end) problems.push(`${tensor.name} overlaps ${before?.name}`)
    else if (tensor.offset > end)
      problems.push(`${tensor.offset - end} bytes before ${tensor.name} belong to no tensor`)
    if (tensor.offset + tensor.byteLength >= end) {
      end = tensor.offset + tensor.byteLength
      before = tensor
    }
  }
  if (problems.length > 0) {
    throw new EspalierError('safetensors.overlap', {
      what: 'tensors of a safetensors file overlap or leave gaps',
      got: { file, problems },
      fix: 'The file is damaged; download or save it again.',
    })
  }
  if (end > size) {
    const beyond = tensors.filter((tensor) => tensor.offset + tensor.byteLength > size).map((tensor) => tensor.name)
    throw truncated('a safetensors file ends before its tensors do', {
      file,
      byteLength: size,
      expected: end,
      tensors: beyond,
    })
  }
  if (end < size) {
    throw damaged('a safetensors file has bytes after its last tensor', { file, byteLength: size, expected: end })
  }
}

function parseMetadata(node: JsonNode | undefined, file: string): ReadonlyMap<string, string> {
  if (node === undefined) return new Map()
  const entries = node instanceof Map ? [...(node as ReadonlyMap<string, JsonNode>)] : undefined
  if (entries === undefined || entries.some(([, value]) => typeof value !== 'string')) {
    throw damaged('__metadata__ of a safetensors file must map names to strings', { file })
  }
  return new Map(entries as [string, string][])
}

function truncated(what: string, got: Readonly<Record<string, unknown>>): EspalierError {
  return new EspalierError('safetensors.truncated', { what, got, fix: 'The file was cut; download or copy it again.' })
}

function damaged(what: string, got: Readonly<Record<string, unknown>>, cause?: unknown): EspalierError {
  return new EspalierError('safetensors.header', {
    what,
    got,
    fix: 'The file is damaged; download or save it again.',
    cause,
  })
}
