/**
 * What a model or adapter is written to. A file appears under its name whole or not at all. Here: the interface and the folder in
 * memory; the local folder and the directory handle have their own files.
 */
import { EspalierError } from '@espalier/core'
import { checkFileName } from './file-name.js'

/** The bytes of a file in order. */
export type FileContent = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Options of a write. An abort leaves what was there before, and rejects with the signal's reason. */
export interface WriteOptions {
  readonly signal?: AbortSignal
}

/** A folder to write files to. */
export interface OutputFolder {
  /** Where the files go, for messages. */
  readonly description: string
  /** Writes a file; readers see the old one or the whole new one. Throws file.write, file.name. */
  write(name: string, content: FileContent, options?: WriteOptions): Promise<void>
  /** The text of a file that is already there, or undefined. */
  readText(name: string): Promise<string | undefined>
  /** Whether it is the folder at a local path, whatever links lead there; absent where it is none on the disk. */
  isAt?(path: string): Promise<boolean>
  /** The folder below this one, made when the first file is written. */
  folder(name: string): OutputFolder
}

/** An output folder in memory whose files can be taken out, for archives and uploads. */
export interface MemoryFolder extends OutputFolder {
  /** The files written so far; usable as a source. */
  toFiles(): Map<string, Blob>
}

/** An empty output folder in memory. */
export function memoryFolder(): MemoryFolder {
  const files = new Map<string, Blob>()
  return { ...memoryBelow(files, ''), toFiles: () => new Map(files) }
}

/** Text as the content of a file. */
export function textContent(text: string): FileContent {
  return [new TextEncoder().encode(text)]
}

/** The error for a file that could not be written. Names a full disk as such. */
export function writeError(file: string, folder: string, cause: unknown): unknown {
  if (EspalierError.isInstance(cause)) return cause
  const { code, name } = (cause ?? {}) as { code?: unknown; name?: unknown }
  const full = code === 'ENOSPC' || code === 'EDQUOT' || name === 'QuotaExceededError'
  const blocked = code === 'EEXIST' || code === 'ENOTDIR'
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || name === 'NotAllowedError'
  return new EspalierError('file.write', {
    what: full
      ? 'a file cannot be written: the disk is full'
      : blocked
        ? 'a file lies where the folder to write to should be'
        : 'a file cannot be written',
    got: { file, folder, ...(typeof code === 'string' ? { reason: code } : {}) },
    fix: full
      ? 'Free some space or choose another folder; this file is as it was, others of the folder may be new.'
      : blocked
        ? 'Choose another folder, or move that file away.'
        : denied
          ? 'Choose a folder that this user may write to.'
          : 'Check the folder and the disk; this file is as it was, others of the folder may be new.',
    cause,
  })
}

function memoryBelow(files: Map<string, Blob>, prefix: string): OutputFolder {
  return {
    description: prefix === '' ? 'memory' : `memory/${prefix.slice(0, -1)}`,
    async write(name, content, { signal } = {}) {
      checkFileName(name)
      const parts: BlobPart[] = []
      for await (const part of content) {
        signal?.throwIfAborted()
        parts.push(part.slice())
      }
      signal?.throwIfAborted()
      files.set(prefix + name, new Blob(parts))
    },
    async readText(name) {
      return files.get(prefix + checkFileName(name))?.text()
    },
    folder: (name) => memoryBelow(files, `${prefix}${checkFileName(name)}/`),
  }
}
