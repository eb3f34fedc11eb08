/** Names in a folder on the disk. Node only. */
import { type FileHandle, open } from 'node:fs/promises'

/** Flushes a folder: what was renamed into it, or made in it, is there after a loss of power. Not every file system can be asked for that. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, 'r')
    await handle.sync()
  } catch {
    // What it names is whole either way.
  } finally {
    await handle?.close().catch(() => {})
  }
}
