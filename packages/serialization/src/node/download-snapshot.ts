/** A repository of the hub as a local folder: what is needed of it is downloaded into the cache, unless it is there. Node only. */
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { checkFileName } from '../files/file-name.js'
import type { ModelFiles } from '../files/model-files.js'
import type { HubEnvironment, HubOptions } from '../hub/environment.js'
import { hubFetch, offline } from '../hub/hub-fetch.js'
import type { HubReference } from '../hub/repository.js'
import { listRepository, type RemoteFile, resolveCommit } from '../hub/repository-listing.js'
import { type FileGroup, fileGroups, WEIGHT_INDEX, wantedFiles } from '../hub/wanted-files.js'
import { readIndex } from '../safetensors/sharded.js'
import { type BlobDownload, downloadBlob } from './download-blob.js'
import { folderFiles } from './folder-files.js'
import { exists, type RepositoryCache, repositoryCache } from './hub-cache.js'

/** Options of a snapshot. groups: which files (all). subfolder: of the repository, for adapters that lie in one. */
export interface SnapshotOptions extends HubOptions {
  readonly groups?: readonly FileGroup[]
  readonly subfolder?: string
}

const AT_ONCE = 4 // downloads

/**
 * Brings the needed files of a repository into the cache and opens the snapshot's folder. Without a network, or when the hub cannot be
 * reached, what the cache holds of the revision is used. Throws hub.*, model.pickle, file.write, or the signal's reason.
 */
export async function downloadSnapshot(
  reference: HubReference,
  environment: HubEnvironment & { readonly cacheFolder: string },
  options: SnapshotOptions = {},
): Promise<ModelFiles> {
  const cache = repositoryCache(environment.cacheFolder, reference)
  const { signal, onProgress } = options
  const network = hubFetch(environment, reference, signal)
  const cached = await cache.cachedCommit()
  let commit: string
  try {
    signal?.throwIfAborted()
    const once = cached === undefined ? network : hubFetch(environment, reference, signal, 0)
    commit = await resolveCommit(reference, environment.endpoint, once)
  } catch (error) {
    if (cached !== undefined && isUnreachable(error)) return opened(cache, reference, cached)
    throw isUnreachable(error) && error.code !== 'hub.offline' ? offline(reference, error) : error
  }
  const download = { reference, commit, environment, network, signal, onProgress }
  await fetchFiles(cache, download, options)
  await cache.remember(commit)
  return opened(cache, reference, commit)
}

async function fetchFiles(cache: RepositoryCache, download: BlobDownload, options: SnapshotOptions): Promise<void> {
  const { reference, commit, environment, network } = download
  const folder = options.subfolder
  const prefix = folder === undefined ? '' : `${checkFileName(folder)}/`
  const listing = await listRepository(reference, { commit, folder, endpoint: environment.endpoint }, network)
  const byName = new Map(listing.map((file) => [file.name.slice(prefix.length), file]))
  const wanted = wantedFiles([...byName.keys()], options.groups ?? fileGroups, reference.repository)
  const pick = (names: readonly string[]) => names.flatMap((name) => byName.get(name) ?? [])
  await fetchAll(pick(wanted), cache, download)
  if (!wanted.includes(WEIGHT_INDEX)) return
  const local = folderFiles(join(cache.snapshot(commit), prefix))
  const shards = [...(await readIndex(local, WEIGHT_INDEX)).keys()]
  // A shard that the listing lacks is reported, with all its kind, by whoever opens the weights.
  await fetchAll(pick(shards), cache, download)
}

async function fetchAll(files: readonly RemoteFile[], cache: RepositoryCache, download: BlobDownload): Promise<void> {
  const queue = [...files]
  const stop = new AbortController()
  const signal = download.signal === undefined ? stop.signal : AbortSignal.any([download.signal, stop.signal])
  const network = hubFetch(download.environment, download.reference, signal)
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      signal.throwIfAborted()
      if (await cache.has(download.commit, file.name)) continue
      const path = cache.blob(file.hash)
      if (!(await exists(path))) await downloadBlob(file, path, { ...download, network, signal })
      await cache.link(download.commit, file.name, file.hash)
    }
  }
  const workers = Array.from({ length: Math.min(AT_ONCE, queue.length) }, () =>
    worker().catch((error: unknown) => {
      stop.abort(error)
      throw error
    }),
  )
  const results = await Promise.allSettled(workers)
  download.signal?.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function opened(cache: RepositoryCache, { repository }: HubReference, commit: string): ModelFiles {
  return { ...folderFiles(cache.snapshot(commit)), hub: { repository, commit } }
}

function isUnreachable(error: unknown): error is EspalierError {
  if (!EspalierError.isInstance(error)) return false
  const status = error.details.status
  return (
    error.code === 'hub.connection' || error.code === 'hub.offline' || (typeof status === 'number' && status >= 500)
  )
}
