/** What a repository holds at a revision: its commit and its files, asked of the hub through its official client. */
import { EspalierError } from '@espalier/core'
import { nameProblem } from '../files/file-name.js'
import type { HubFetch } from './hub-fetch.js'
import type { HubReference } from './repository.js'

/** A file of a repository. `hash`: SHA-256 of large files, git's SHA-1 of others; its name in the cache. */
export interface RemoteFile {
  readonly name: string
  readonly size: number
  readonly hash: string
}

type HubClient = typeof import('@huggingface/hub')

/** The hub's official client, loaded when it is first needed. */
export function hubClient(): Promise<HubClient> {
  return import('@huggingface/hub')
}

/** The commit that a revision stands for. Throws hub.*. */
export async function resolveCommit(reference: HubReference, endpoint: string, { fetch }: HubFetch): Promise<string> {
  const { modelInfo } = await hubClient()
  const ask = (revision: string) =>
    modelInfo({ name: reference.repository, revision, additionalFields: ['sha'], hubUrl: endpoint, fetch })
  try {
    return checkedCommit((await ask(reference.revision)).sha, reference)
  } catch (error) {
    const bare = EspalierError.isInstance(error) && error.code === 'hub.repository'
    if (
      !bare ||
      reference.revision === 'main' ||
      !(await ask('main').then(
        () => true,
        () => false,
      ))
    )
      throw error
    // A server that does not say what it did not find: the repository is there, so it was the revision.
    throw new EspalierError('hub.revision', {
      what: 'the repository has no such branch, tag or commit',
      got: { ...reference },
      fix: 'Use main, or look at the repository for its branches.',
      cause: error,
    })
  }
}

/** The files directly in a folder of a repository at a commit. Names that would leave the folder are refused. */
export async function listRepository(
  reference: HubReference,
  { commit, folder, endpoint }: { commit: string; folder?: string; endpoint: string },
  { fetch }: HubFetch,
): Promise<readonly RemoteFile[]> {
  const { listFiles } = await hubClient()
  const files: RemoteFile[] = []
  const entries = listFiles({
    repo: { type: 'model', name: reference.repository },
    revision: commit,
    path: folder,
    hubUrl: endpoint,
    fetch,
  })
  for await (const { type, path, size, oid, lfs } of entries) {
    if (type !== 'file') continue
    const hash = lfs?.oid ?? oid
    const problem = nameProblem(path)
    if (problem !== undefined || hash === undefined || !/^[0-9a-f]{40,64}$/.test(hash)) {
      throw malformed(reference, `${JSON.stringify(path)} ${problem ?? 'has no hash'}`)
    }
    files.push({ name: path, size: lfs?.size ?? size, hash })
  }
  return files
}

/** The bytes of a file from an offset on, as the official client gives them. */
export async function remoteBlob(
  reference: HubReference,
  { commit, endpoint }: { commit: string; endpoint: string },
  file: RemoteFile,
  { fetch }: HubFetch,
): Promise<Blob> {
  const { downloadFile } = await hubClient()
  const path = file.name.split('/').map(encodeURIComponent).join('/')
  const url = `${endpoint}/${reference.repository}/resolve/${commit}/${path}`
  // The listing already told size and hash, so the client need not ask again.
  const blob = await downloadFile({
    repo: { type: 'model', name: reference.repository },
    path: file.name,
    revision: commit,
    hubUrl: endpoint,
    fetch,
    downloadInfo: { size: file.size, etag: file.hash, url },
    xet: false,
  })
  if (blob === null) throw malformed(reference, `${file.name} vanished`)
  return blob
}

function checkedCommit(sha: unknown, reference: HubReference): string {
  if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha
  throw malformed(reference, 'it named no commit')
}

function malformed({ repository }: HubReference, problem: string): EspalierError {
  return new EspalierError('hub.response', {
    what: 'the hub gave an answer that makes no sense',
    got: { repository, problem },
    fix: 'Check HF_ENDPOINT.',
  })
}
