/** Files behind a browser's FileSystemDirectoryHandle (a picked folder or the origin's private one), for reading. */
import { EspalierError } from '@espalier/core'
import { blobFile } from './blob-files.js'
import type { DirectoryHandle } from './directory-handle.js'
import { checkFileName } from './file-name.js'
import { type ModelFiles, missingFile } from './model-files.js'

/** The folder of a directory handle. */
export function handleFiles(handle: DirectoryHandle): ModelFiles {
  return handleFolder(async () => handle, handle.name === '' ? 'the picked folder' : handle.name)
}

/** Whether an error of the file system API says that something does not exist (or is a folder where a file was meant). */
export function isAbsent(error: unknown): boolean {
  const name = (error as { name?: unknown } | undefined)?.name
  return name === 'NotFoundError' || name === 'TypeMismatchError'
}

/** The folder of a name below a handle, and the last part of the name. */
export async function walkTo(
  root: DirectoryHandle,
  name: string,
  create = false,
): Promise<{ folder: DirectoryHandle; base: string }> {
  const parts = checkFileName(name).split('/')
  const base = parts.pop() ?? name
  let folder = root
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create })
  return { folder, base }
}

function handleFolder(root: () => Promise<DirectoryHandle>, description: string): ModelFiles {
  const find = async (name: string): Promise<Blob | undefined> => {
    checkFileName(name)
    try {
      const { folder, base } = await walkTo(await root(), name)
      return await (await folder.getFileHandle(base)).getFile()
    } catch (cause) {
      if (isAbsent(cause)) return undefined
      throw new EspalierError('file.read', {
        what: 'a file cannot be read',
        got: { file: name, folder: description },
        fix: 'Give the page access to the folder again.',
        cause,
      })
    }
  }
  const list = async () => {
    const names: string[] = []
    try {
      for await (const [name, entry] of (await root()).entries?.() ?? []) if (entry.kind === 'file') names.push(name)
    } catch (cause) {
      if (!isAbsent(cause)) throw cause
    }
    return names.sort()
  }
  return {
    description,
    list,
    async open(name) {
      const file = await find(name)
      if (file === undefined) throw missingFile(name, description, await list())
      return blobFile(name, file)
    },
    async exists(name) {
      return (await find(name)) !== undefined
    },
    folder(name) {
      checkFileName(name)
      const below = async () => {
        const { folder, base } = await walkTo(await root(), name)
        return folder.getDirectoryHandle(base)
      }
      return handleFolder(below, `${description}/${name}`)
    },
  }
}
