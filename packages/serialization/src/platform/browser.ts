/** The platform of a browser: no local paths; the hub is read over the network by range. */
import { EspalierError } from '@espalier/core'
import { browserEnvironment } from '../hub/environment.js'
import { remoteFiles } from '../hub/remote-files.js'
import type { Platform } from './platform.js'

/** The platform of this build. */
export const platform: Platform = {
  kindOf: async () => 'none',
  beginningOf: noPaths,
  folderFiles: noPaths,
  folderOutput: noPaths,
  syncFolder: noPaths,
  filesBelow: noPaths,
  pathOf: noPaths,
  hubEnvironment: async () => browserEnvironment,
  openRepository: (reference, options) =>
    remoteFiles(reference, { ...browserEnvironment, ...options.environment }, options),
}

function noPaths(path: string | URL): never {
  throw new EspalierError('source.unknown', {
    what: 'there are no local paths here',
    got: { source: String(path) },
    fix: 'Give a FileSystemDirectoryHandle, a Map of blobs or the name of a repository on the hub.',
  })
}
