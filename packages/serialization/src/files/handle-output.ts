/** Writing through a browser's FileSystemDirectoryHandle. Its writable stream swaps the new file in when it is closed, so writes are atomic. */
import type { DirectoryHandle, WritableFile } from './directory-handle.js'
import { handleFiles, walkTo } from './handle-files.js'
import { readText } from './model-files.js'
import { type OutputFolder, writeError } from './output-folder.js'

/** The folder of a directory handle as an output. */
export function handleOutput(root: DirectoryHandle, prefix = ''): OutputFolder {
  const description = `${root.name === '' ? 'the picked folder' : root.name}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`
  return {
    description,
    async write(name, content, { signal } = {}) {
      signal?.throwIfAborted()
      const path = prefix + name
      const isNew = !(await handleFiles(root).exists(path))
      const { folder, base } = await walkTo(root, path, true)
      let writable: WritableFile | undefined
      try {
        writable = await (await folder.getFileHandle(base, { create: true })).createWritable()
        for await (const part of content) {
          signal?.throwIfAborted()
          await writable.write(part)
        }
        signal?.throwIfAborted()
        await writable.close()
      } catch (cause) {
        await writable?.abort().catch(() => {})
        // Asking for the handle made an empty file.
        if (isNew) await folder.removeEntry(base).catch(() => {})
        if (signal?.aborted) throw signal.reason
        throw writeError(name, description, cause)
      }
    },
    async readText(name) {
      const files = handleFiles(root)
      return (await files.exists(prefix + name)) ? readText(files, prefix + name) : undefined
    },
    folder: (name) => handleOutput(root, `${prefix}${name}/`),
  }
}
