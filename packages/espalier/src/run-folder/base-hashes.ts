/** SHA-256 of what identifies a base model: its configuration, and the headers of its weights or the hub's own hash of them. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { type ModelFiles, readBytes, readIndex } from '@espalier/serialization'

const WEIGHTS = 'model.safetensors'
const INDEX = `${WEIGHTS}.index.json`
const HEADER_BYTES = 8 // length of a safetensors header, little endian
const LARGEST_HEADER = 100_000_000 // as safetensors itself allows
const SAMPLE_BYTES = 65_536 // of the values, at the end of a file

/**
 * File -> SHA-256. A large file in the hub's cache is named by the hash of all it holds. Another file of weights is known by its size,
 * its header and its last values, since reading many gigabytes would take longer than some runs: its hash says so in its name.
 */
export async function baseHashes(files: ModelFiles): Promise<Readonly<Record<string, string>>> {
  const hashes: Record<string, string> = {}
  if (await files.exists('config.json')) hashes['config.json'] = sha256(await readBytes(files, 'config.json'))
  for (const name of await weightNames(files)) {
    const file = await files.open(name)
    try {
      const stored = basename(file.realPath ?? '')
      if (/^[0-9a-f]{64}$/.test(stored)) {
        hashes[name] = stored
        continue
      }
      const length = Number(new DataView((await file.read(0, HEADER_BYTES)).slice().buffer).getBigUint64(0, true))
      const headerEnd = Math.min(HEADER_BYTES + Math.min(length, LARGEST_HEADER), file.size)
      const hash = createHash('sha256')
        .update(String(file.size))
        .update(await file.read(0, headerEnd))
      hash.update(await file.read(Math.max(0, file.size - SAMPLE_BYTES), file.size))
      hashes[`${name} (size, header, end)`] = hash.digest('hex')
    } finally {
      await file.close()
    }
  }
  return hashes
}

/** The files that the model was loaded from, and none that lies beside them. */
async function weightNames(files: ModelFiles): Promise<readonly string[]> {
  if (await files.exists(WEIGHTS)) return [WEIGHTS]
  return (await files.exists(INDEX)) ? [...(await readIndex(files, INDEX)).keys()].sort() : []
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
