/**
 * The record of a checkpoint: which files it is made of, and where the run was. It is written last, so that a folder that lacks it, or
 * whose files are not those that it names, is known for what a crash left.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { EspalierError } from '@espalier/core'
import { openTarget, textContent } from '@espalier/serialization'
import { checkpointStep } from '../run-folder/run-names.js'
import { type CheckpointRecord, FORMAT, recordJson, recordOf, type SealedFile } from './checked-record.js'
import {
  historyHash,
  historyOf,
  type RunHistory,
  readTrainerState,
  TRAINER_STATE,
  type TrainerStateFile,
  unreadableCallback,
} from './history.js'
import { isNamed, jsonHash, readPlainJson } from './plain-json.js'
import { TRAINING_STATE } from './state-file.js'

/** The record's file. */
export const CHECKPOINT_RECORD = 'checkpoint.json'

/** Writes the record of a folder that holds everything else. Throws config.value for a callback whose state could not be read again, checkpoint.torn for other values, file.write. */
export async function sealCheckpoint(
  folder: string,
  contents: Omit<CheckpointRecord, 'format' | 'history' | 'files'>,
): Promise<void> {
  const files: Record<string, SealedFile> = {}
  for (const name of await sealedNames(folder)) files[name] = await seal(join(folder, name))
  const state = (await readTrainerState(folder)) ?? {}
  const history = historyHash(state) ?? ''
  const record = recordJson({ format: FORMAT, ...contents, history, files })
  requireReadable(folder, record, state)
  const sealed = { ...record, sha256: jsonHash(record) }
  await openTarget(folder).write(CHECKPOINT_RECORD, textContent(`${JSON.stringify(sealed, null, 2)}\n`))
}

/** Whoever goes on would find out too late. */
function requireReadable(folder: string, record: object, state: TrainerStateFile): void {
  const callback = unreadableCallback(state)
  if (callback !== undefined)
    throw new EspalierError('config.value', {
      what: 'what a callback keeps in checkpoints could not be read again: its state() returns an object with args and attributes',
      got: { callback, state: (state.stateful_callbacks as Readonly<Record<string, unknown>>)[callback] },
      fix: 'Have it return { args: {…}, attributes: {…} }, plain values by name, or leave state out',
    })
  const faults = [
    ...(recordOf(JSON.parse(JSON.stringify(record))) === undefined ? [CHECKPOINT_RECORD] : []),
    ...(historyOf(state) === undefined ? [TRAINER_STATE] : []),
  ]
  if (faults.length === 0) return
  throw new EspalierError('checkpoint.torn', {
    what: 'a checkpoint that is being written could not be read again',
    got: { checkpoint: folder, faults: faults.map((name) => `${name} would hold values that no run has`) },
    fix: 'Look for values of metrics and arguments that are no numbers',
  })
}

/** A checkpoint as it was found: whole, with what it told of the run, or with what is wrong with it. */
export type FoundCheckpoint = WholeCheckpoint | TornCheckpoint

/** A whole one. */
export interface WholeCheckpoint {
  readonly path: string
  readonly record: CheckpointRecord
  readonly history: RunHistory
}

/** One that is not. */
export interface TornCheckpoint {
  readonly path: string
  readonly record: undefined
  readonly faults: readonly [string, ...string[]]
}

/** Reads a checkpoint's record and looks at every file that it names. */
export async function readCheckpoint(path: string): Promise<FoundCheckpoint> {
  const record = await readRecord(path)
  if (record === undefined) return { path, record, faults: [`${CHECKPOINT_RECORD} is missing or not whole`] }
  const faults: string[] = []
  const { step } = record.position
  if ((checkpointStep(basename(path)) ?? step) !== step) faults.push(`it is of step ${step}`)
  if (record.files[TRAINING_STATE] === undefined) faults.push(`${TRAINING_STATE} is missing`)
  for (const [name, file] of Object.entries(record.files)) faults.push(...(await fileFaults(path, name, file)))
  const state = await readTrainerState(path)
  const history = state === undefined ? undefined : historyOf(state)
  if (state === undefined || history === undefined) faults.push(`${TRAINER_STATE} is missing or not whole`)
  else if (historyHash(state) !== record.history) faults.push(`${TRAINER_STATE}: other values than were written`)
  else if (history.reached.step !== step) faults.push(`${TRAINER_STATE}: of step ${history.reached.step}`)
  const [first, ...others] = faults
  if (first !== undefined || history === undefined)
    return { path, record: undefined, faults: [first as string, ...others] }
  return { path, record, history }
}

/** The record of a checkpoint, whatever its files are; undefined where there is none, half of one, or another one than was written. */
export async function readRecord(path: string): Promise<CheckpointRecord | undefined> {
  const sealed = await readPlainJson(join(path, CHECKPOINT_RECORD))
  if (!isNamed(sealed)) return undefined
  const { sha256: written, ...record } = sealed
  return jsonHash(record) === written ? recordOf(record) : undefined
}

async function fileFaults(path: string, name: string, { bytes, sha256 }: SealedFile): Promise<readonly string[]> {
  try {
    const size = await sizeOf(join(path, name))
    if (size !== bytes) return [`${name}: ${size} bytes, not ${bytes}`] // which may be too many to read
    const found = await seal(join(path, name))
    return found.sha256 === sha256 ? [] : [`${name}: other bytes than were written`]
  } catch {
    return [`${name} is missing`]
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
  await sizeOf(path)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function sizeOf(path: string): Promise<number> {
  const entry = await lstat(path)
  if (!entry.isFile()) throw new Error('it is no file')
  return entry.size
}
