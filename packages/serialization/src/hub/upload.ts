/** Uploading a folder to the hub as one commit, through the hub's official client. */
import { EspalierError } from '@espalier/core'
import type { HubEnvironment } from './environment.js'
import { hubFetch } from './hub-fetch.js'
import { hubReference } from './repository.js'
import { hubClient } from './repository-listing.js'

/** A file to upload: a blob, or the `file:` address of one on the local disk, which is read as it is sent. */
export interface FileToUpload {
  readonly path: string
  readonly content: Blob | URL
}

/** Options of an upload. private: for a new repository (true). branch: `main`. message: of the commit. */
export interface UploadOptions {
  readonly private?: boolean
  readonly branch?: string
  readonly message?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: UploadProgress) => void
}

/** How far one file is, from 0 to 1. */
export interface UploadProgress {
  readonly phase: 'upload'
  readonly file: string
  readonly fraction: number
}

/** Where an upload went. */
export interface UploadResult {
  readonly repository: string
  readonly commit: string
  readonly address: string
}

/** Uploads files as one commit; makes the repository, private unless told otherwise, when there is none. Throws hub.*, or the signal's reason. */
export async function uploadFiles(
  files: readonly FileToUpload[],
  repository: string,
  environment: HubEnvironment,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const reference = hubReference(repository)
  const { signal, branch = 'main', message = 'Upload with Espalier' } = options
  if (environment.token === undefined) throw noToken(repository)
  if (files.length === 0)
    throw new EspalierError('file.missing', {
      what: 'there is nothing to upload',
      got: { repository },
      fix: 'Give a folder with files.',
    })
  const { fetch } = hubFetch(environment, reference, signal)
  const target = { repo: { type: 'model' as const, name: reference.repository }, hubUrl: environment.endpoint, fetch }
  await createIfAbsent(target, options.private ?? true)
  // Not the client's uploadFilesWithProgress, which takes no fetch and so goes past proxies and the token.
  const { commitIter } = await hubClient()
  const operations = files.map((file) => ({ operation: 'addOrUpdate' as const, ...file }))
  try {
    const upload = commitIter({ ...target, operations, title: message, branch, abortSignal: signal })
    for (;;) {
      const { done, value } = await upload.next()
      if (done) {
        if (value === undefined) throw new Error('no commit')
        return { repository: reference.repository, commit: value.commit.oid, address: value.commit.url }
      }
      if (value.event === 'fileProgress')
        options.onProgress?.({ phase: 'upload', file: value.path, fraction: value.progress })
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (EspalierError.isInstance(error)) throw error
    throw new EspalierError('hub.response', {
      what: 'the hub did not take an upload',
      got: { repository, problem: error instanceof Error ? error.message : String(error) },
      fix: 'Try again; nothing of the commit is visible until it is whole.',
      cause: error,
    })
  }
}

async function createIfAbsent(
  target: { repo: { type: 'model'; name: string }; hubUrl: string; fetch: typeof fetch },
  isPrivate: boolean,
): Promise<void> {
  const { createRepo } = await hubClient()
  try {
    // The token travels in our fetch: the client accepts only tokens of the public hub's form.
    await createRepo({ ...target, visibility: isPrivate ? 'private' : 'public' } as unknown as Parameters<
      typeof createRepo
    >[0])
  } catch (error) {
    const exists = EspalierError.isInstance(error) && error.details.status === 409
    if (!exists) throw error
  }
}

function noToken(repository: string): EspalierError {
  return new EspalierError('hub.access', {
    what: 'an upload needs a token',
    got: { repository },
    fix: 'Set HF_TOKEN to a token with write access.',
  })
}
