/** What a reader does before it reads a folder of the disk. Apart from the rest of the platform, which runs need: readers import no run. */
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EspalierError } from '@espalier/core'
import { openSource, type Source } from '@espalier/serialization'
import { checkpointStep, UNFINISHED } from '../../run-folder/run-names.js'
import { settleFolder } from '../../run-folder/settle-folder.js'
import { requireSettled } from '../../run-folder/unsettled.js'
import type { PlaceToSettle } from './place-to-settle.js'

/** Finishes a publication in a source's folder that was interrupted, so that no files of two results are read. Throws run.unsettled, file.missing for a checkpoint that lies elsewhere, source.unknown, or the signal's reason. */
export async function settle(source: Source, { subfolder, signal }: PlaceToSettle = {}): Promise<void> {
  const path = await localPath(source)
  if (path === undefined) return
  for (const folder of publishedIn(path)) await settleFolder(folder, { signal })
  await requireCheckpoint(subfolder === undefined ? path : join(path, subfolder))
}

/** A source's folder on the disk; undefined where it has none, and then nothing of two results lies in it. */
async function localPath(source: Source): Promise<string | undefined> {
  if (typeof source === 'string' && !/^(?:https?|file):\/\//.test(source))
    return source === '' ? undefined : resolve(source)
  if (typeof source === 'string' || source instanceof URL) {
    const address = new URL(source)
    return address.protocol === 'file:' ? fileURLToPath(address) : undefined
  }
  const files = await openSource(source)
  if (files.path === undefined) await requireSettled(files)
  return files.path
}

/** The folders whose publication may move what lies at a path: it, and that of a run's checkpoint. */
function publishedIn(path: string): readonly string[] {
  const name = basename(path)
  return name === UNFINISHED || checkpointStep(name) !== undefined ? [dirname(path), path] : [path]
}

/** A run over an earlier one keeps its checkpoints apart until it has a result: who asks for one elsewhere is told. */
async function requireCheckpoint(path: string): Promise<void> {
  const name = basename(path)
  if (checkpointStep(name) === undefined || (await isFolder(path))) return
  const unfinished = join(dirname(path), UNFINISHED, name)
  if (!(await isFolder(unfinished))) return
  throw new EspalierError('file.missing', {
    what: 'this checkpoint is of a run without a result, which lies beside an earlier one',
    got: { checkpoint: path, unfinished },
    fix: `Open ${unfinished}`,
  })
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}
