/** The cache of hub files in Python's layout, so that both share it: blobs under their hash, snapshots of links, refs to commits. Node only. */
import { copyFile, lstat, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { textContent } from '../files/output-folder.js'
import type { HubReference } from '../hub/repository.js'
import { isAbsent } from './folder-files.js'
import { writeAtomically } from './folder-output.js'
import { makeFolder } from './make-folder.js'

/** The cache of one repository. */
export interface RepositoryCache {
  /** Folder of a commit's files. */
  snapshot(commit: string): string
  /** Where the bytes of a hash lie. */
  blob(hash: string): string
  /** The commit that a revision stood for when it was last asked, if its snapshot is there. */
  cachedCommit(): Promise<string | undefined>
  remember(commit: string): Promise<void>
  /** Whether the snapshot has a file, whole. */
  has(commit: string, name: string): Promise<boolean>
  /** Links a name of a snapshot to its blob. */
  link(commit: string, name: string, hash: string): Promise<void>
}

/** Opens the cache of a repository below the cache folder; makes nothing yet. */
export function repositoryCache(cacheFolder: string, { repository, revision }: HubReference): RepositoryCache {
  const root = join(cacheFolder, `models--${repository.replaceAll('/', '--')}`)
  const snapshot = (commit: string) => join(root, 'snapshots', commit)
  const blob = (hash: string) => join(root, 'blobs', hash)
  const ref = join(root, 'refs', ...revision.split('/'))
  return {
    snapshot,
    blob,
    async cachedCommit() {
      const commit = /^[0-9a-f]{40}$/.test(revision) ? revision : (await textOf(ref))?.trim()
      return commit !== undefined && /^[0-9a-f]{40}$/.test(commit) && (await exists(snapshot(commit)))
        ? commit
        : undefined
    },
    async remember(commit) {
      if (commit !== revision && (await textOf(ref)) !== commit) await writeAtomically(ref, textContent(commit))
    },
    has: (commit, name) => exists(join(snapshot(commit), name)),
    async link(commit, name, hash) {
      const path = join(snapshot(commit), name)
      await makeFolder(dirname(path))
      await linkAtomically(blob(hash), path)
    },
  }
}

/** Whether a path exists behind all its links. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

// Links are relative, so that a cache can be moved. Where links are not allowed (Windows without the right), the file is copied.
async function linkAtomically(target: string, path: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`
  try {
    await symlink(relative(dirname(path), target), temporary)
  } catch {
    await copyFile(target, temporary)
  }
  try {
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    if (
      !(await lstat(path).then(
        () => true,
        () => false,
      ))
    )
      throw error
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
