/** A folder on the local disk, for reading. Node only. Each read opens and closes the file, so that nothing leaks when a reader is dropped. */
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { checkFileName } from '../files/file-name.js'
import { type ModelFiles, missingFile, type RandomAccessFile, shortRead } from '../files/model-files.js'

const LONGEST_READ = 2 ** 30 // bytes per call; the system call takes fewer than 2 GiB

/** The files of a local folder; symlinks are followed, as hub caches need. */
export function folderFiles(path: string): ModelFiles {
  const list = async () => {
    try {
      const entries = await readdir(path, { withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => entry.name)
        .sort()
    } catch (cause) {
      if (isAbsent(cause)) return []
      throw readError(path, path, cause)
    }
  }
  return {
    description: path,
    path,
    list,
    async open(name) {
      const file = join(path, checkFileName(name))
      try {
        return await openFile(name, file)
      } catch (cause) {
        if (isAbsent(cause)) throw missingFile(name, path, await list(), cause)
        if (EspalierError.isInstance(cause)) throw cause
        throw readError(name, path, cause)
      }
    },
    async exists(name) {
      try {
        return (await stat(join(path, checkFileName(name)))).isFile()
      } catch (cause) {
        if (isAbsent(cause)) return false
        if (EspalierError.isInstance(cause)) throw cause
        throw readError(name, path, cause)
      }
    },
    folder(name) {
      return folderFiles(join(path, checkFileName(name)))
    },
  }
}

/** One local file with random access. `name` is for messages. */
export async function openFile(name: string, path: string): Promise<RandomAccessFile> {
  const realPath = await realpath(path)
  const facts = await stat(realPath)
  // Opening a pipe would wait for its writer.
  if (!facts.isFile())
    throw Object.assign(new Error('not a file'), { code: facts.isDirectory() ? 'EISDIR' : 'ENOTSUP' })
  const { size } = facts
  return {
    name,
    size,
    realPath,
    async read(start, end) {
      const bytes = new Uint8Array(end - start)
      let handle: FileHandle | undefined
      try {
        handle = await open(realPath, 'r')
        let done = 0
        while (done < bytes.byteLength) {
          const { bytesRead } = await handle.read(
            bytes,
            done,
            Math.min(bytes.byteLength - done, LONGEST_READ),
            start + done,
          )
          if (bytesRead === 0) throw shortRead({ name, size }, start, end)
          done += bytesRead
        }
        return bytes
      } catch (cause) {
        if (EspalierError.isInstance(cause)) throw cause
        throw readError(name, realPath, cause)
      } finally {
        await handle?.close()
      }
    },
    async close() {},
  }
}

/** Whether a system error says that a path does not exist. */
export function isAbsent(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function readError(file: string, folder: string, cause: unknown): EspalierError {
  const code = (cause as { code?: unknown } | undefined)?.code
  return new EspalierError('file.read', {
    what:
      code === 'EISDIR'
        ? 'a folder lies where a file is expected'
        : code === 'ENOTSUP'
          ? 'a pipe or a device lies where a file is expected'
          : 'a file cannot be read',
    got: { file, folder, ...(typeof code === 'string' ? { reason: code } : {}) },
    fix: code === 'EACCES' || code === 'EPERM' ? 'Allow this user to read it.' : 'Check the path and the disk.',
    cause,
  })
}
