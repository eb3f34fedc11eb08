/** Names of a folder on the disk, for whoever renames and removes files there by himself. */
import { writeError } from '../files/output-folder.js'
import { platform } from './node.js'

/** Flushes a local folder: what was renamed into it, made in it or removed from it stays so after a loss of power. Where a system flushes no folders, nothing happens. Throws file.write when it fails, source.unknown where there is no disk. */
export async function syncFolder(path: string): Promise<void> {
  try {
    await platform.syncFolder(path)
  } catch (cause) {
    throw writeError('.', path, cause)
  }
}
