/** Node's platform: local folders, and the hub through a cache on the disk. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SIGNATURE_BYTES } from '@espalier/core'
import { remoteFiles } from '../hub/remote-files.js'
import type { FileToUpload } from '../hub/upload.js'
import { downloadSnapshot } from '../node/download-snapshot.js'
import { folderFiles, openFile } from '../node/folder-files.js'
import { folderOutput } from '../node/folder-output.js'
import { hubEnvironment } from '../node/hub-environment.js'
import { syncFolder } from '../node/sync-folder.js'
import type { Platform } from './platform.js'

/** The platform of this build. */
export const platform: Platform = {
  async kindOf(path) {
    const facts = await stat(path).catch(() => undefined)
    return facts === undefined ? 'none' : facts.isDirectory() ? 'folder' : 'file'
  },
  async beginningOf(path) {
    try {
      const file = await openFile(path, path)
      return await file.read(0, Math.min(SIGNATURE_BYTES, file.size))
    } catch {
      return new Uint8Array(0) // it is refused for being a file anyway
    }
  },
  folderFiles,
  folderOutput,
  syncFolder,
  filesBelow: (path) => filesBelow(path, ''),
  pathOf: (address) => fileURLToPath(address),
  hubEnvironment: () => hubEnvironment(),
  async openRepository(reference, options) {
    const { cacheFolder, ...environment } = { ...(await hubEnvironment()), ...options.environment }
    if (cacheFolder === undefined) return remoteFiles(reference, environment, options)
    return downloadSnapshot(reference, { ...environment, cacheFolder }, options)
  },
}

async function filesBelow(root: string, prefix: string): Promise<readonly FileToUpload[]> {
  const files: FileToUpload[] = []
  for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const path = `${prefix}${entry.name}`
    if (entry.isDirectory()) files.push(...(await filesBelow(root, `${path}/`)))
    else files.push({ path, content: pathToFileURL(join(root, path)) })
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}
