/** A repository read over the network by range, without a cache: what a browser does. */
import { blobFile } from '../files/blob-files.js'
import { checkFileName } from '../files/file-name.js'
import { type ModelFiles, missingFile } from '../files/model-files.js'
import type { HubEnvironment, HubOptions } from './environment.js'
import { hubFetch } from './hub-fetch.js'
import type { HubReference } from './repository.js'
import { listRepository, remoteBlob, resolveCommit } from './repository-listing.js'

/** The files of a repository at the commit that the revision stands for now. Throws hub.*. */
export async function remoteFiles(
  reference: HubReference,
  environment: HubEnvironment,
  { signal }: HubOptions = {},
): Promise<ModelFiles> {
  const { endpoint } = environment
  const network = hubFetch(environment, reference, signal)
  const commit = await resolveCommit(reference, endpoint, network)
  const listings = new Map<string, ReturnType<typeof listRepository>>()
  const listing = (folder: string) => {
    const known = listings.get(folder) ?? listRepository(reference, { commit, folder, endpoint }, network)
    listings.set(folder, known)
    return known
  }
  const below = (prefix: string): ModelFiles => {
    const description = `${reference.repository}@${commit.slice(0, 8)}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`
    const find = async (name: string) => {
      const path = prefix + checkFileName(name)
      return (await listing(path.split('/').slice(0, -1).join('/'))).find((file) => file.name === path)
    }
    const list = async () => (await listing(prefix.slice(0, -1))).map((file) => file.name.slice(prefix.length)).sort()
    return {
      description,
      hub: { repository: reference.repository, commit },
      list,
      exists: async (name) => (await find(name)) !== undefined,
      async open(name) {
        const file = await find(name)
        if (file === undefined) throw missingFile(name, description, await list())
        return blobFile(name, await remoteBlob(reference, { commit, endpoint }, file, network))
      },
      folder: (name) => below(`${prefix}${checkFileName(name)}/`),
    }
  }
  return below('')
}
