/** Uploading a folder (a saved adapter or model) to the hub. The commit itself is hub/upload.ts's. */
import type { HubEnvironment } from './hub/environment.js'
import { type UploadOptions, type UploadResult, uploadFiles } from './hub/upload.js'
import { platform } from './platform/node.js'

/** Options of uploadFolder. `environment` overrides single values of what the platform found. */
export interface UploadFolderOptions extends UploadOptions {
  readonly environment?: Partial<HubEnvironment>
  /** Whether a file goes along, by its path in the folder. Default: all do. */
  readonly include?: (path: string) => boolean
}

/**
 * Uploads a local folder, or the files of a map, as one commit to `owner/name`; a new repository is private unless `private` is false.
 * Hidden files stay behind. Throws hub.access without a token, hub.*, or the signal's reason.
 */
export async function uploadFolder(
  folder: string | ReadonlyMap<string, Blob>,
  repository: string,
  { environment, include = () => true, ...options }: UploadFolderOptions = {},
): Promise<UploadResult> {
  const files =
    typeof folder === 'string'
      ? await platform.filesBelow(folder)
      : [...folder].map(([path, content]) => ({ path, content }))
  const chosen = files.filter(({ path }) => include(path))
  return uploadFiles(chosen, repository, { ...(await platform.hubEnvironment()), ...environment }, options)
}
