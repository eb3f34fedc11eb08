/**
 * Writing to a folder on the local disk. Node only. A file is written beside its name, flushed to the disk and renamed; whatever stops
 * that (an error, an abort, the end of the process) leaves the old file and no other.
 */
import { randomBytes } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { checkFileName } from '../files/file-name.js'
import { type FileContent, type OutputFolder, type WriteOptions, writeError } from '../files/output-folder.js'
import { isAbsent } from './folder-files.js'
import { makeFolder } from './make-folder.js'
import { syncFolder } from './sync-folder.js'

/** A local folder as an output; it is made when the first file is written. */
export function folderOutput(path: string): OutputFolder {
  return {
    description: path,
    async write(name, content, options) {
      await writeAtomically(join(path, checkFileName(name)), content, options)
    },
    async readText(name) {
      try {
        return await readFile(join(path, checkFileName(name)), 'utf8')
      } catch (cause) {
        if (isAbsent(cause)) return undefined
        throw writeError(name, path, cause)
      }
    },
    async isAt(other) {
      const [own, found] = await Promise.all(
        [path, other].map((each) => stat(each, { bigint: true }).catch(() => undefined)),
      )
      return own !== undefined && own.dev === found?.dev && own.ino === found.ino
    },
    folder: (name) => folderOutput(join(path, checkFileName(name))),
  }
}

/** Writes one file: the path holds the old content or all of the new one at any moment. Throws file.write, or the signal's reason. */
export async function writeAtomically(
  path: string,
  content: FileContent,
  { signal }: WriteOptions = {},
): Promise<void> {
  signal?.throwIfAborted()
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  let handle: FileHandle | undefined
  try {
    await makeFolder(folder)
    handle = await open(temporary, 'wx')
    pending(temporary)
    for await (const part of content) {
      signal?.throwIfAborted()
      await writeAll(handle, part)
    }
    await handle.sync()
    await handle.close()
    handle = undefined
    signal?.throwIfAborted()
    await rename(temporary, path)
    settled(temporary)
  } catch (cause) {
    await handle?.close().catch(() => {})
    await unlink(temporary).catch(() => {})
    settled(temporary)
    if (signal?.aborted) throw signal.reason
    throw writeError(basename(path), folder, cause)
  }
  await syncFolder(folder).catch((cause: unknown) => {
    throw writeError(basename(path), folder, cause)
  })
}

const LONGEST_WRITE = 2 ** 26 // bytes per call

async function writeAll(handle: FileHandle, part: Uint8Array): Promise<void> {
  let done = 0
  while (done < part.byteLength) {
    const { bytesWritten } = await handle.write(part, done, Math.min(part.byteLength - done, LONGEST_WRITE))
    done += bytesWritten
  }
}

const unfinished = new Set<string>()

function pending(path: string): void {
  if (unfinished.size === 0) process.on('exit', removeUnfinished)
  unfinished.add(path)
}

function settled(path: string): void {
  unfinished.delete(path)
  if (unfinished.size === 0) process.off('exit', removeUnfinished)
}

// process.exit() in the middle of a write.
function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      unlinkSync(path)
    } catch {
      // Already gone.
    }
  }
}
