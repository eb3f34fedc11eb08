/** A checkpoint that somebody has changed and made whole again: for tests. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { historyHash, readTrainerState } from './history.js'
import { jsonHash } from './plain-json.js'
import { CHECKPOINT_RECORD } from './record.js'

/** Plain values of a record's file, which a test may change. */
export type RecordValues = Record<string, unknown>

/** Changes the record of a checkpoint, and has it fit: its own hash, that of the history, and those of the files where they are not what changed. */
export async function reseal(
  folder: string,
  change: (record: RecordValues) => RecordValues,
  { files = true }: { readonly files?: boolean } = {},
): Promise<void> {
  const path = join(folder, CHECKPOINT_RECORD)
  const { sha256: _, ...written } = JSON.parse(readFileSync(path, 'utf8')) as RecordValues
  const state = await readTrainerState(folder)
  const sealed = files ? { files: filesOf(folder, written.files as object) } : {}
  const record = change({ ...written, ...sealed, ...(state === undefined ? {} : { history: historyHash(state) }) })
  writeFileSync(path, JSON.stringify({ ...record, sha256: jsonHash(record) }))
}

function filesOf(folder: string, names: object): object {
  const entries = Object.keys(names).map((name) => {
    const bytes = readFileSync(join(folder, name))
    return [name, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }]
  })
  return Object.fromEntries(entries) as object
}
