/** What processes that were killed left half-done in a run's folder: for who holds its lock. */
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, writeError } from '@espalier/serialization'
import { runs } from './live-process.js'
import { startTime } from './process-start.js'
import { checkpointStep, UNFINISHED } from './run-names.js'
import { replacedName } from './whole-folder.js'

/** Puts checkpoints back that were being replaced, and removes what was written beside its name, in a folder and in its unfinished one. Throws file.write for a checkpoint that cannot be put back. */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const place of [folder, join(folder, UNFINISHED)]) {
    if (!(await isOwnFolder(place))) continue
    await putBack(place)
    await removeLeftovers(place)
  }
}

/** Only the lock's holder replaces: whoever was at it is gone. */
async function putBack(folder: string): Promise<void> {
  for (const aside of await namesIn(folder)) {
    const name = replacedName(aside)
    if (name === undefined || checkpointStep(name) === undefined) continue
    if (await exists(join(folder, name))) {
      await rm(join(folder, aside), { recursive: true, force: true }).catch(() => {})
      continue
    }
    try {
      await rename(join(folder, aside), join(folder, name))
    } catch (cause) {
      throw writeError(name, folder, cause)
    }
    await syncFolder(folder)
  }
}

/** Names are those of serialization's writer and of whole folders. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const pid = /^\..+\.(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1]
    if (pid !== undefined && (await isLeft(join(folder, name), Number(pid))))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => {})
  }
}

const CLOCK_MS = 2000 // by how much the start of another process may be told wrongly

/** Whether the process that made an entry is gone: its id may be another one's now, in a container this one's own. */
async function isLeft(path: string, pid: number): Promise<boolean> {
  if (!runs(pid)) return true
  const started = pid === process.pid ? performance.timeOrigin : ((await startTime(pid)) ?? 0) - CLOCK_MS
  return lstat(path).then(
    ({ mtimeMs }) => mtimeMs < started,
    () => false,
  )
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** Whether it is no link to somewhere else. */
function isOwnFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}
