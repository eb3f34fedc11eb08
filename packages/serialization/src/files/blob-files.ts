/** Files held as blobs under their names: uploads in a browser, tests, unpacked archives. */
import { checkFileName } from './file-name.js'
import { type ModelFiles, missingFile, type RandomAccessFile, shortRead } from './model-files.js'

/** The blobs of a map as a folder. Keys are names such as `config.json` or `b/adapter_config.json`. */
export function blobFiles(blobs: ReadonlyMap<string, Blob>, description = 'a map of blobs'): ModelFiles {
  return blobFolder(blobs, '', description)
}

/** One blob as a random-access file. */
export function blobFile(name: string, blob: Blob): RandomAccessFile {
  return {
    name,
    size: blob.size,
    async read(start, end) {
      const bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer())
      if (bytes.byteLength !== end - start) throw shortRead({ name, size: blob.size }, start, end)
      return bytes
    },
    async close() {},
  }
}

function blobFolder(blobs: ReadonlyMap<string, Blob>, prefix: string, description: string): ModelFiles {
  const names = () =>
    [...blobs.keys()].filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes('/'))
  const list = () =>
    names()
      .map((key) => key.slice(prefix.length))
      .sort()
  return {
    description,
    async open(name) {
      const blob = blobs.get(prefix + checkFileName(name))
      if (blob === undefined) throw missingFile(name, description, list())
      return blobFile(name, blob)
    },
    async exists(name) {
      return blobs.has(prefix + checkFileName(name))
    },
    async list() {
      return list()
    },
    folder(name) {
      return blobFolder(blobs, `${prefix}${checkFileName(name)}/`, `${description}/${name}`)
    },
  }
}
