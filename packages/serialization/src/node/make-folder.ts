/** Making a folder with those above it. Node only. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from './sync-folder.js'

/**
 * Makes a folder and those above it. Node's own recursive mkdir asks for ever where the system refuses a folder with ENOENT though the
 * one above exists, as /proc does. Throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  let refused = await refusal(path)
  if (refused?.code === 'ENOENT' && dirname(path) !== path) {
    await makeFolder(dirname(path))
    refused = await refusal(path)
  }
  if (refused !== undefined) throw refused
}

/** What is in the way of a folder; undefined when it is there now. Throws where its name cannot be flushed. */
async function refusal(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path)
  } catch (error) {
    const isFolder = await stat(path).then(
      (entry) => entry.isDirectory(),
      () => false,
    )
    return isFolder ? undefined : (error as NodeJS.ErrnoException)
  }
  await syncFolder(dirname(path))
  return undefined
}
