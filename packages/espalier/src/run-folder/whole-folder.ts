/** A folder that appears whole under its name, or not at all. */
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder, writeError } from '@espalier/serialization'

/** Has `write` fill a folder beside the path, and renames it when that is done; then its name is on the disk too. One that lies there is replaced. Throws file.write, or what `write` threw: then the path is as it was, but where the folder around it could not be flushed. */
export async function writeWhole(path: string, write: (beside: string) => Promise<void>): Promise<void> {
  const beside = besideName(path)
  try {
    await write(beside)
    await replace(path, beside)
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => {})
    throw error
  }
}

/** Deletes a folder or a file: it is gone from under its name at once, so that no half of it stays there, and its name is gone from the disk before what it holds. Throws file.write when it stays. */
export async function removeWhole(path: string): Promise<void> {
  const aside = besideName(path)
  try {
    await rename(path, aside)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return // it is gone already
    throw writeError(basename(path), dirname(path), cause)
  }
  await syncFolder(dirname(path))
  await rm(aside, { recursive: true, force: true })
}

async function replace(path: string, beside: string): Promise<void> {
  const aside = besideName(path, REPLACED)
  const existed = await rename(path, aside).then(
    () => true,
    () => false,
  )
  try {
    await rename(beside, path)
  } catch (cause) {
    if (existed) await rename(aside, path).catch(() => {})
    throw writeError(basename(path), dirname(path), cause)
  }
  await syncFolder(dirname(path))
  if (existed) await rm(aside, { recursive: true, force: true })
}

/** The name of what lay there before, of a folder that is being replaced: until another one has that name, it is the only one. Undefined for other names. */
export function replacedName(aside: string): string | undefined {
  return /^\.(.+)\.replaced\.\d+\.[0-9a-f]{8}\.tmp$/.exec(aside)?.[1]
}

const REPLACED = '.replaced'

// As the files that are not whole yet are called: the next run removes what a killed one left, and puts back what it was replacing.
function besideName(path: string, kind = ''): string {
  return join(dirname(path), `.${basename(path)}${kind}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
}
