/** Files by path, on Node. The browser build has platform/browser.ts in this place. */
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EspalierError } from '@espalier/core'
import type { DataFile } from '../dataset/data-file.js'

/** The file at a path or file URL. It is opened at the first read, so a missing file is reported then. */
export function openPath(path: string | URL): DataFile {
  const name = typeof path === 'string' ? path : fileURLToPath(path)
  let handle: Promise<FileHandle> | undefined
  const opened = () => {
    handle ??= open(name, 'r')
    return handle
  }
  return {
    name: basename(name),
    async byteLength() {
      return attempt(name, async () => {
        const status = await (await opened()).stat()
        if (status.isFile()) return status.size
        throw new Error('it is not a file')
      })
    },
    async read(start, end) {
      return attempt(name, async () => {
        const bytes = new Uint8Array(end - start)
        const file = await opened()
        let filled = 0
        while (filled < bytes.length) {
          const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
          if (bytesRead === 0) throw new Error('it ended early; did it change?')
          filled += bytesRead
        }
        return bytes
      })
    },
    async close() {
      const open = await handle?.catch(() => undefined)
      handle = undefined
      await open?.close()
    },
  }
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw new EspalierError('data.file', {
      what: 'a data file cannot be read',
      got: { file: path, reason: cause instanceof Error ? cause.message : String(cause) },
      fix: 'Check the path and its permissions.',
      cause,
    })
  }
}
