/**
 * One file of the hub into the cache: resumed where it was cut, checked against its hash, and only then given its name. Two processes
 * may fetch the same file at once: both write the same bytes to the same places. Node only.
 */
import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EspalierError } from '@espalier/core'
import { writeError } from '../files/output-folder.js'
import type { DownloadProgress, HubEnvironment } from '../hub/environment.js'
import { type HubFetch, pause } from '../hub/hub-fetch.js'
import type { HubReference } from '../hub/repository.js'
import { type RemoteFile, remoteBlob } from '../hub/repository-listing.js'
import { exists } from './hub-cache.js'
import { makeFolder } from './make-folder.js'

/** What a download needs to know. */
export interface BlobDownload {
  readonly reference: HubReference
  readonly commit: string
  readonly environment: HubEnvironment
  readonly network: HubFetch
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: DownloadProgress) => void
}

const ATTEMPTS = 6 // in a row without a new byte

/** Downloads a file to a path. An abort or a lost connection keeps what has arrived beside it, under another name. Throws hub.*, file.write. */
export async function downloadBlob(file: RemoteFile, path: string, download: BlobDownload): Promise<void> {
  // Not the name Python uses for its unfinished files: it appends, we write at places.
  const unfinished = `${path}.espalier.incomplete`
  await makeFolder(dirname(path))
  for (let restarted = false; ; restarted = true) {
    const handle = await open(unfinished, constants.O_RDWR | constants.O_CREAT, 0o666)
    let whole: boolean
    try {
      whole = await fill(handle, file, download)
      if (whole) await handle.sync()
    } catch (cause) {
      const { code } = (cause ?? {}) as { code?: unknown }
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') await rm(unfinished, { force: true })
      if (typeof code === 'string' && code.startsWith('E')) throw writeError(file.name, dirname(path), cause)
      throw cause
    } finally {
      await handle.close()
    }
    if (whole) break
    await rm(unfinished, { force: true })
    if (restarted) throw wrongHash(file, download)
  }
  try {
    await rename(unfinished, path)
  } catch (error) {
    if (!(await exists(path))) throw writeError(file.name, dirname(path), error) // else another process was first
  }
}

// Whether the file is whole and has its hash.
async function fill(handle: FileHandle, file: RemoteFile, download: BlobDownload): Promise<boolean> {
  const { environment, network, signal, onProgress } = download
  const hash = hashOf(file)
  let position = await rehash(handle, file, hash)
  const report = () =>
    onProgress?.({ phase: 'download', file: file.name, loadedBytes: position, totalBytes: file.size })
  report()
  for (let failures = 0; position < file.size; ) {
    const before = position
    try {
      const blob = await remoteBlob(
        download.reference,
        { commit: download.commit, endpoint: environment.endpoint },
        file,
        network,
      )
      for await (const part of partsOf(position === 0 ? blob : blob.slice(position), download)) {
        if (position + part.byteLength > file.size) return false
        await writeAt(handle, part, position)
        hash.update(part)
        position += part.byteLength
        report()
      }
      if (position < file.size) throw cut(download, undefined)
    } catch (error) {
      signal?.throwIfAborted()
      if (!EspalierError.isInstance(error)) throw error
      if (error.code === 'hub.response' && position > 0) return false // no parts to be had: once more from the start
      failures = position > before ? 0 : failures + 1
      // A request that never got an answer was retried already; here it is about streams that were cut.
      if (error.code !== 'hub.connection' || error === network.failure() || failures >= ATTEMPTS) throw error
      await pause(environment.retryDelayMs * 2 ** failures, signal)
    }
  }
  return hash.digest('hex') === file.hash
}

async function* partsOf(blob: Blob, download: BlobDownload): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    for (;;) {
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(cut(download, new Error('no byte in time'))), download.environment.timeoutMs)
      })
      const { done, value } = await Promise.race([reader.read(), stalled])
      clearTimeout(timer)
      if (done) return
      yield value
    }
  } catch (error) {
    download.signal?.throwIfAborted()
    if (EspalierError.isInstance(error)) throw error
    // When the request itself failed the stream says only its text.
    const failure = download.network.failure()
    const same = EspalierError.isInstance(failure) && (error === failure.message || error === failure)
    throw same ? failure : cut(download, error)
  } finally {
    clearTimeout(timer)
    void reader.cancel().catch(() => {})
  }
}

const LONGEST_READ = 2 ** 22 // bytes read at a time to hash what an earlier attempt left

async function rehash(handle: FileHandle, file: RemoteFile, hash: Hash): Promise<number> {
  const { size } = await handle.stat()
  if (size > file.size) await handle.truncate(0)
  const end = size > file.size ? 0 : size
  const buffer = new Uint8Array(Math.min(LONGEST_READ, end))
  let position = 0
  while (position < end) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.byteLength, end - position), position)
    if (bytesRead === 0) break
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
  return position
}

async function writeAt(handle: FileHandle, part: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < part.byteLength) {
    const { bytesWritten } = await handle.write(part, done, part.byteLength - done, position + done)
    done += bytesWritten
  }
}

// Large files carry their SHA-256; others git's hash, which begins with a line of its own.
function hashOf(file: RemoteFile): Hash {
  return file.hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${file.size}\0`)
}

function cut({ reference, environment }: BlobDownload, cause: unknown): EspalierError {
  return new EspalierError('hub.connection', {
    what: 'the connection to the hub was cut',
    got: { repository: reference.repository, endpoint: environment.endpoint },
    fix: 'Check the network and try again; what was downloaded is kept.',
    cause,
  })
}

function wrongHash(file: RemoteFile, { reference }: BlobDownload): EspalierError {
  return new EspalierError('hub.response', {
    what: 'a downloaded file is not the one that the hub announced',
    got: { repository: reference.repository, file: file.name, hash: file.hash },
    fix: 'Try again; if it stays, something between here and the hub changes files.',
  })
}
