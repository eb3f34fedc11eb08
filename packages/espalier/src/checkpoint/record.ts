/**
 * The record of a checkpoint: which files it is made of, and where the run was. It is written last, so that a folder that lacks it, or
 * whose files are not those that it names, is known for what a crash left.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { openTarget, textContent } from '@espalier/serialization'
import type { RunPosition } from '@espalier/trainer'
import type { RunIdentity } from './run-identity.js'

/** The record's file. */
export const CHECKPOINT_RECORD = 'checkpoint.json'
/** transformers' file of a run's history, which is read and written again when a finished run's folders move. */
export const TRAINER_STATE = 'trainer_state.json'

const FORMAT = 1

/** A file of a checkpoint. */
interface SealedFile {
  readonly bytes: number
  readonly sha256: string
}

/** What a record holds. */
export interface CheckpointRecord {
  /** Of this layout. */
  readonly format: typeof FORMAT
  /** The run's, the same however often it goes on. */
  readonly run: string
  readonly position: RunPosition
  /** Configurations as tuners that follow steps left them. */
  readonly configurations: Readonly<Record<string, object>>
  /** What the run began with. */
  readonly identity: RunIdentity
  /** The checkpoint's files by name, but for the record itself and `trainer_state.json`, with / between folders. */
  readonly files: Readonly<Record<string, SealedFile>>
}

/** Writes the record of a folder that holds everything else. Throws file.write. */
export async function sealCheckpoint(
  folder: string,
  contents: Omit<CheckpointRecord, 'format' | 'files'>,
): Promise<void> {
  const files: Record<string, SealedFile> = {}
  for (const name of await sealedNames(folder)) files[name] = await seal(join(folder, name))
  const record: CheckpointRecord = { format: FORMAT, ...contents, files }
  await openTarget(folder).write(CHECKPOINT_RECORD, textContent(`${JSON.stringify(record, null, 2)}\n`))
}

/** A checkpoint as it was found: whole, or with what is wrong with it. */
export type FoundCheckpoint =
  | { readonly path: string; readonly record: CheckpointRecord; readonly faults: readonly [] }
  | { readonly path: string; readonly record: undefined; readonly faults: readonly [string, ...string[]] }

/** Reads a checkpoint's record and looks at every file that it names. */
export async function readCheckpoint(path: string): Promise<FoundCheckpoint> {
  const record = await readRecord(path)
  if (record === undefined) return { path, record, faults: [`${CHECKPOINT_RECORD} is missing or not whole`] }
  const faults: string[] = []
  for (const [name, { bytes, sha256 }] of Object.entries(record.files)) {
    const found = await seal(join(path, name)).catch(() => undefined)
    if (found === undefined) faults.push(`${name} is missing`)
    else if (found.bytes !== bytes) faults.push(`${name}: ${found.bytes} bytes, not ${bytes}`)
    else if (found.sha256 !== sha256) faults.push(`${name}: other bytes than were written`)
  }
  if ((await stateStep(path)) !== record.position.step) faults.push(`${TRAINER_STATE} is missing or not whole`)
  const [first, ...others] = faults
  return first === undefined ? { path, record, faults: [] } : { path, record: undefined, faults: [first, ...others] }
}

/** The record of a checkpoint, whatever its files are; undefined where there is none, or half of one. */
export async function readRecord(path: string): Promise<CheckpointRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(path, CHECKPOINT_RECORD), 'utf8')) as Partial<CheckpointRecord>
    const { format, run, position, identity, files } = record
    const isWhole = typeof run === 'string' && Number.isSafeInteger(position?.step) && identity !== undefined
    return format === FORMAT && isWhole && files !== undefined ? (record as CheckpointRecord) : undefined
  } catch {
    return undefined
  }
}

async function stateStep(path: string): Promise<number | undefined> {
  try {
    return (JSON.parse(await readFile(join(path, TRAINER_STATE), 'utf8')) as { global_step?: number }).global_step
  } catch {
    return undefined
  }
}

async function sealedNames(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const kinds = await Promise.all(names.map((name) => lstat(join(folder, name))))
  return names
    .filter((name, i) => kinds[i]?.isFile() === true && name !== CHECKPOINT_RECORD && name !== TRAINER_STATE)
    .map((name) => name.split(sep).join('/'))
}

async function seal(path: string): Promise<SealedFile> {
  if (!(await lstat(path)).isFile()) throw new Error('it is no file')
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}
