/** What a model is called in an adapter's configuration: its repository on the hub and commit where known, else its folder. */
import type { ModelFiles } from '../files/model-files.js'
import type { Source } from '../files/open-source.js'

/** Name and commit, null where there is none. */
export interface Origin {
  readonly nameOrPath: string | null
  readonly revision: string | null
}

/** The origin of opened files. A folder inside a hub cache is known by its repository. */
export function originOf(source: Source, files: ModelFiles): Origin {
  if (files.hub !== undefined) return { nameOrPath: files.hub.repository, revision: files.hub.commit }
  const cached = /(?:^|[/\\])models--(.+?)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]?$/.exec(files.path ?? '')
  if (cached !== null) return { nameOrPath: cached[1]?.replace('--', '/') ?? null, revision: cached[2] ?? null }
  const path = typeof source === 'string' && !source.startsWith('file:') ? source : files.path
  return { nameOrPath: path ?? null, revision: null }
}
