/** SHA-256 of what identifies a base model: its configuration, and some values of each of its tensors or the hub's own hash of them all. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import {
  type ModelFiles,
  openSafetensors,
  type RandomAccessFile,
  readBytes,
  readIndex,
  type TensorEntry,
} from '@espalier/serialization'

const WEIGHTS = 'model.safetensors'
const INDEX = `${WEIGHTS}.index.json`
const PIECES = 4 // of a tensor
const PIECE_BYTES = 1024
const SAMPLED = 'size, header, 4 KiB of each tensor'

/**
 * File -> SHA-256. A large file in the hub's cache is named by the hash of all it holds. Another file of weights is known by its size,
 * its header and some values of each tensor, since reading many gigabytes would take longer than some runs: its hash says so in its name.
 * Throws safetensors.*, file.*.
 */
export async function baseHashes(files: ModelFiles): Promise<Readonly<Record<string, string>>> {
  const hashes: Record<string, string> = {}
  if (await files.exists('config.json')) hashes['config.json'] = sha256(await readBytes(files, 'config.json'))
  for (const name of await weightNames(files)) {
    const file = await files.open(name)
    try {
      const stored = basename(file.realPath ?? '')
      if (/^[0-9a-f]{64}$/.test(stored)) hashes[name] = stored
      else hashes[`${name} (${SAMPLED})`] = await sampledHash(file)
    } finally {
      await file.close()
    }
  }
  return hashes
}

async function sampledHash(file: RandomAccessFile): Promise<string> {
  const tensors = [...(await openSafetensors(file)).tensors.values()]
  const headerEnd = tensors[0]?.offset ?? file.size // tensors stand in the order of their bytes
  const hash = createHash('sha256')
    .update(String(file.size))
    .update(await file.read(0, headerEnd))
  for (const tensor of tensors)
    for (const [start, end] of pieces(tensor)) hash.update(await file.read(tensor.offset + start, tensor.offset + end))
  return hash.digest('hex')
}

/** Ranges of a tensor's bytes: the first, the middle and the last ones, and some at a place that its name chooses; all where there are few. */
function pieces({ name, byteLength }: TensorEntry): readonly (readonly [number, number])[] {
  if (byteLength === 0) return []
  if (byteLength <= PIECES * PIECE_BYTES) return [[0, byteLength]]
  const last = byteLength - PIECE_BYTES
  const share = createHash('sha256').update(name).digest().readUInt32LE() / 2 ** 32
  return [0, Math.floor(last / 2), last, Math.floor(last * share)].map((start) => [start, start + PIECE_BYTES] as const)
}

/** The files that the model was loaded from, and none that lies beside them. */
async function weightNames(files: ModelFiles): Promise<readonly string[]> {
  if (await files.exists(WEIGHTS)) return [WEIGHTS]
  return (await files.exists(INDEX)) ? [...(await readIndex(files, INDEX)).keys()].sort() : []
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
