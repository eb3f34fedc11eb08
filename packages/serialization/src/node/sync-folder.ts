/** Names in a folder on the disk. Node only. */
import { type FileHandle, open } from 'node:fs/promises'

/** What systems and file systems say that flush no folders: Windows, and some that are mounted from elsewhere. */
const NOT_ASKED: readonly unknown[] = ['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM', 'EACCES', 'EBADF']

/** Flushes a folder: what was renamed into it, or made in it, is there after a loss of power. Where that cannot be asked for, nothing more can be done. Throws the system's error where it fails. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    if (!NOT_ASKED.includes((error as NodeJS.ErrnoException).code)) throw error
  } finally {
    await handle?.close().catch(() => {})
  }
}
