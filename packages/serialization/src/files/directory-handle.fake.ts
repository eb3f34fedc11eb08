/** A directory handle in memory for tests: Node has none. */
import type { DirectoryHandle, FileHandle } from './directory-handle.js'

/** A directory handle over blobs under their paths; writes change the map. `failAfter`: bytes after which a write fails as a full disk does. */
export function directoryHandle(
  blobs: Map<string, Blob>,
  { prefix = '', name = 'picked', failAfter = Number.POSITIVE_INFINITY } = {},
): DirectoryHandle {
  const absent = (what: string) => new DOMException(`no ${what}`, 'NotFoundError')
  return {
    kind: 'directory',
    name,
    async getDirectoryHandle(child: string, { create = false } = {}) {
      const below = `${prefix}${child}/`
      if (!create && ![...blobs.keys()].some((key) => key.startsWith(below))) throw absent(child)
      return directoryHandle(blobs, { prefix: below, name: child, failAfter })
    },
    async getFileHandle(child: string, { create = false } = {}) {
      const key = prefix + child
      if ([...blobs.keys()].some((other) => other.startsWith(`${key}/`)))
        throw new DOMException('', 'TypeMismatchError')
      if (!blobs.has(key)) {
        if (!create) throw absent(child)
        blobs.set(key, new Blob([]))
      }
      return fileHandle(blobs, key, failAfter)
    },
    async removeEntry(child: string) {
      blobs.delete(prefix + child)
    },
    async *entries() {
      const children = new Set<string>()
      for (const key of blobs.keys()) {
        if (!key.startsWith(prefix)) continue
        const [child = '', ...below] = key.slice(prefix.length).split('/')
        if (children.has(child)) continue
        children.add(child)
        yield [child, { kind: below.length > 0 ? 'directory' : 'file' }] as const
      }
    },
  }
}

function fileHandle(blobs: Map<string, Blob>, key: string, failAfter: number): FileHandle {
  return {
    async getFile() {
      const blob = blobs.get(key)
      if (blob === undefined) throw new DOMException('', 'NotFoundError')
      return blob
    },
    async createWritable() {
      const parts: Uint8Array<ArrayBuffer>[] = []
      let count = 0
      return {
        async write(data: unknown) {
          const part = data as Uint8Array<ArrayBuffer>
          count += part.byteLength
          if (count > failAfter) throw new DOMException('', 'QuotaExceededError')
          parts.push(part.slice())
        },
        async close() {
          blobs.set(key, new Blob(parts))
        },
        async abort() {},
      }
    },
  }
}
