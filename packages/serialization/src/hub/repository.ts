/** How a repository on the hub is named: `owner/name[@revision]`, or its page's address. */
import { EspalierError } from '@espalier/core'

/** A repository and the branch, tag or commit that is meant. */
export interface HubReference {
  /** `owner/name`, or a bare `name` for a few old models. */
  readonly repository: string
  readonly revision: string
}

const NAME = '[A-Za-z0-9_][A-Za-z0-9_.-]*'
const REFERENCE = new RegExp(`^(${NAME}(?:/${NAME})?)(?:@([A-Za-z0-9_][A-Za-z0-9_./-]*))?$`)

/** The reference that text stands for, or undefined when it cannot be one. */
export function parseHubReference(text: string): HubReference | undefined {
  const match = REFERENCE.exec(text)
  const [, repository, revision = 'main'] = match ?? []
  if (repository === undefined || /\.\.|--/.test(repository) || /\.git$/.test(repository)) return undefined
  return revision.split('/').some((part) => part === '' || part === '.' || part === '..')
    ? undefined
    : { repository, revision }
}

/** As parseHubReference, but throws source.unknown. */
export function hubReference(text: string): HubReference {
  const reference = parseHubReference(text)
  if (reference === undefined) {
    throw new EspalierError('source.unknown', {
      what: 'this is not the name of a repository on the hub',
      got: { source: text },
      fix: 'Write owner/name or owner/name@revision.',
    })
  }
  return reference
}

/** The reference in the address of a repository's page under an endpoint, or undefined. */
export function referenceOfPage(address: URL, endpoint: string): HubReference | undefined {
  const base = new URL(endpoint)
  if (address.origin !== base.origin) return undefined
  const path = decodeURIComponent(address.pathname).replace(/\/$/, '')
  const prefix = base.pathname.replace(/\/$/, '')
  if (!path.startsWith(`${prefix}/`)) return undefined
  const [owner, name, tree, ...revision] = path.slice(prefix.length + 1).split('/')
  if (owner === undefined || name === undefined || (tree !== undefined && (tree !== 'tree' || revision.length === 0)))
    return undefined
  return parseHubReference(`${owner}/${name}${tree === undefined ? '' : `@${revision.join('/')}`}`)
}
