/** Names of a folder on the disk: a rename or a removal survives a loss of power once its folder was flushed. */
import { open } from 'node:fs/promises'

/** Flushes a folder; not every file system can be asked for that, and then nothing more can be done. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } catch {
    // What it names is whole either way.
  } finally {
    await handle?.close().catch(() => {})
  }
}
