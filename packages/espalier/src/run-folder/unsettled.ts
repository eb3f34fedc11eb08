/** Files in which a result lies half in its place, where it cannot be put there: blobs, a directory handle, a disk that is read only. */
import { EspalierError } from '@espalier/core'
import type { ModelFiles } from '@espalier/serialization'
import { RECORD } from './run-names.js'

/** Throws run.unsettled for opened files that hold the record of a result on the way to its place. */
export async function requireSettled(files: ModelFiles): Promise<void> {
  if (files.hub !== undefined || !(await files.exists(RECORD))) return
  throw unsettled(files.description, 'Run espalier inspect on the folder where it lies, and open it again')
}

/** The error for a folder that nobody may read yet. */
export function unsettled(folder: string, fix: string, cause?: unknown): EspalierError {
  return new EspalierError('run.unsettled', {
    what: 'files of two results lie in this folder: one was interrupted while it took its place',
    got: { folder },
    fix,
    cause,
  })
}
