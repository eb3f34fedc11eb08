/** Files by path, on Node. The browser build has platform/browser.ts in this place. */
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EspalierError } from '@espalier/core'
import type { DataFile } from '../dataset/data-file.js'

/** The file at a path or file URL. It is open only while it is read, so there is nothing to close; a missing file is reported then. */
export function openPath(path: string | URL): DataFile {
  const name = typeof path === 'string' ? path : fileURLToPath(path)
  return {
    name: basename(name),
    byteLength: () => withFile(name, async (file) => (await file.stat()).size),
    read: (start, end) =>
      withFile(name, async (file) => {
        const bytes = new Uint8Array(end - start)
        let filled = 0
        while (filled < bytes.length) {
          const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
          if (bytesRead === 0) throw new Error('it ended early; did it change?')
          filled += bytesRead
        }
        return bytes
      }),
  }
}

async function withFile<T>(path: string, action: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is not a file') // opening a pipe waits for its writer
    file = await open(path, 'r')
    return await action(file)
  } catch (cause) {
    throw new EspalierError('data.file', {
      what: 'a data file cannot be read',
      got: { file: path, reason: cause instanceof Error ? cause.message : String(cause) },
      fix: 'Check the path and its permissions.',
      cause,
    })
  } finally {
    await file?.close()
  }
}
