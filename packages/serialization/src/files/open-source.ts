/** What users call a source (a repository's name, a path, an address, a directory handle, a map of blobs) as files; and where they save to. */
import { EspalierError, fileSignature, requireAwaited, requireParts } from '@espalier/core'
import { parseHubReference, referenceOfPage } from '../hub/repository.js'
import { platform } from '../platform/node.js'
import type { RepositoryOptions } from '../platform/platform.js'
import { blobFiles } from './blob-files.js'
import type { DirectoryHandle } from './directory-handle.js'
import { ggufError } from './gguf.js'
import { handleFiles } from './handle-files.js'
import { handleOutput } from './handle-output.js'
import type { ModelFiles } from './model-files.js'
import type { OutputFolder } from './output-folder.js'

/** `owner/name[@revision]`, a path, an address (a page of the hub, or `file:`), a directory handle, a map of blobs, or opened files. */
export type Source = string | URL | DirectoryHandle | ReadonlyMap<string, Blob> | ModelFiles

/** A path, a `file:` address, a directory handle, or an output folder (`memoryFolder()` for archives). */
export type Target = string | URL | DirectoryHandle | OutputFolder

/** Opens a source. A local folder wins over a repository of the same name. Throws source.unknown, model.gguf, hub.*, or the signal's reason. */
export async function openSource(source: Source, options: RepositoryOptions = {}): Promise<ModelFiles> {
  options.signal?.throwIfAborted()
  if (typeof source === 'string') return openText(source, options)
  if (source instanceof URL) return openAddress(source, options)
  if (source instanceof Map) return blobFiles(source as ReadonlyMap<string, Blob>)
  if (isHandle(source)) return handleFiles(source)
  const given: unknown = source // plain JavaScript may give anything
  requireAwaited('source', given)
  if (typeof given === 'object' && given !== null && 'open' in given && 'exists' in given) return source as ModelFiles
  throw new EspalierError('source.unknown', {
    what: 'this is neither a path nor the name of a repository',
    got: { source: given === null ? null : typeof given },
    fix: 'Give the path of a folder, or owner/name.',
  })
}

/** Opens where to save to; nothing is made before the first file. Throws config.value for an empty path, and for what is no place. */
export function openTarget(target: Target): OutputFolder {
  if (target === '')
    throw new EspalierError('config.value', {
      what: 'the folder to write to is an empty path',
      got: { target },
      fix: 'Name a folder; "." is the working folder',
    })
  if (target instanceof URL) return platform.folderOutput(platform.pathOf(target))
  if (typeof target === 'string')
    return platform.folderOutput(target.startsWith('file:') ? platform.pathOf(new URL(target)) : target)
  if (isHandle(target)) return handleOutput(target)
  requireParts('target', target, ['write', 'folder'], 'Give the path of a folder, or an output folder')
  return target
}

/** Whether a value is a directory handle, from whichever realm. */
export function isHandle(value: unknown): value is DirectoryHandle {
  return (value as { kind?: unknown } | null)?.kind === 'directory'
}

async function openText(source: string, options: RepositoryOptions): Promise<ModelFiles> {
  if (/^(?:https?|file):\/\//.test(source)) return openAddress(new URL(source), options)
  const kind = await platform.kindOf(source)
  if (kind === 'folder') return platform.folderFiles(source)
  const reference = kind === 'none' ? parseHubReference(source) : undefined
  if (kind === 'file') throw fileInPlaceOfFolder(source, await platform.beginningOf(source))
  if (reference === undefined) throw unknownSource(source)
  return platform.openRepository(reference, options)
}

async function openAddress(address: URL, options: RepositoryOptions): Promise<ModelFiles> {
  if (address.protocol === 'file:') return openText(platform.pathOf(address), options)
  const { endpoint } = { ...(await platform.hubEnvironment()), ...options.environment }
  const reference = referenceOfPage(address, endpoint)
  if (reference === undefined) throw unknownSource(address.href)
  return platform.openRepository(reference, options)
}

function unknownSource(source: string): EspalierError {
  return new EspalierError('source.unknown', {
    what: 'there is no such folder, and it is not the name of a repository on the hub',
    got: { source },
    fix: 'Check the path, or write owner/name.',
  })
}

function fileInPlaceOfFolder(source: string, beginning: Uint8Array): EspalierError {
  const signature = fileSignature(beginning)
  if (signature?.name === 'GGUF' || /\.gguf$/i.test(source)) return ggufError({ file: source })
  const isPacked = signature !== undefined && signature.kind !== 'format' && !/\.(?:bin|pt|pth|ckpt)$/i.test(source) // torch's files are zips
  return new EspalierError('source.unknown', {
    what: isPacked ? `this is a file packed with ${signature.name}, not a folder` : 'this is a file, not a folder',
    got: { source },
    fix: isPacked ? 'Unpack it, and give the folder.' : 'Give the folder that holds it.',
  })
}
