/**
 * A result takes its place in a folder together, and what it replaces goes together. It is written to a folder inside. When it is whole, a
 * record says which files of an earlier run go: from then on it counts, and whoever takes the folder next moves what is not moved yet.
 */
import { lstat, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { openTarget, syncFolder, textContent, writeError } from '@espalier/serialization'
import { isOfResult, RECORD, UNFINISHED } from './run-names.js'
import { removeWhole } from './whole-folder.js'

/** Without it a folder is neither a model nor an adapter for any program: the first to go and the last to come. */
const CONFIGURATIONS: readonly string[] = ['adapter_config.json', 'config.json']

/** The folder for a new result: what another one left there is gone. */
export async function startUnfinished(folder: string): Promise<string> {
  const unfinished = join(folder, UNFINISHED)
  await rm(unfinished, { recursive: true, force: true })
  return unfinished
}

/** Removes what was written for a result that does not come; a result whose record is there counts, and stays to be moved. */
export async function abandonUnfinished(folder: string): Promise<void> {
  if ((await readRecord(folder)) === undefined) await startUnfinished(folder)
}

/** Puts all that lies in the unfinished folder in its place; `removes` goes. Throws file.write: before the record is there, the folder is as it was. */
export async function publish(folder: string, removes: readonly string[]): Promise<void> {
  const names = await unpublished(folder)
  await requireReplaceable(folder, names)
  const record: Publication = { removes: removes.filter((name) => !names.includes(name)) }
  await openTarget(folder).write(RECORD, textContent(`${JSON.stringify(record)}\n`))
  await finishPublication(folder)
}

/** Finishes a publication that was interrupted, if there is one. Throws file.write. */
export async function finishPublication(folder: string): Promise<void> {
  const record = await readRecord(folder)
  if (record === undefined) return
  const names = await unpublished(folder)
  // What goes is gone before the first file moves: where none is left to move, a record only has to go itself.
  const goes = names.length === 0 ? [] : [...record.removes, ...names.filter(isConfiguration)]
  for (const name of configurationsLast(goes).reverse()) await removeWhole(join(folder, name))
  await syncFolder(folder) // what goes is gone before the first file moves, whatever the power does
  for (const name of configurationsLast(names)) {
    if (isConfiguration(name)) await syncFolder(folder)
    await moveInto(folder, name)
  }
  await syncFolder(folder)
  if (await isOwnFolder(join(folder, UNFINISHED))) await rm(join(folder, UNFINISHED), { recursive: true })
  await unlink(join(folder, RECORD))
}

/** Whether a folder holds a publication that is not finished: files of two results may lie there. */
export async function isUnsettled(folder: string): Promise<boolean> {
  return (await readRecord(folder)) !== undefined && (await unpublished(folder)).length > 0
}

interface Publication {
  /** Of an earlier result; none of the new one's names. */
  readonly removes: readonly string[]
}

/** Names that a result has and its place lacks: those of the unfinished folder but for hidden ones, which others put there. */
async function unpublished(folder: string): Promise<readonly string[]> {
  const unfinished = join(folder, UNFINISHED)
  const names = (await isOwnFolder(unfinished)) ? await namesIn(unfinished) : []
  return names.filter((name) => !name.startsWith('.') && name !== UNFINISHED)
}

/** None where a folder is gone meanwhile. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Whether it is no link to somewhere else. */
function isOwnFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}

async function readRecord(folder: string): Promise<Publication | undefined> {
  try {
    const path = join(folder, RECORD)
    if (!(await lstat(path)).isFile()) return undefined // a pipe would be waited for
    const { removes } = JSON.parse(await readFile(path, 'utf8')) as { readonly removes: unknown }
    // A folder may come from anywhere: it names nothing outside, and nothing that no result has.
    return {
      removes: (removes as readonly unknown[]).filter(
        (name) => typeof name === 'string' && isOfResult(name),
      ) as string[],
    }
  } catch {
    return undefined
  }
}

async function moveInto(folder: string, name: string): Promise<void> {
  const from = join(folder, UNFINISHED, name)
  const to = join(folder, name)
  try {
    if (await isFolder(from)) await removeWhole(to) // a file is replaced by the renaming itself
    await rename(from, to)
  } catch (cause) {
    throw writeError(name, folder, cause)
  }
}

/** A folder under the name of a file would be met halfway. */
async function requireReplaceable(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const isInTheWay = (await isFolder(join(folder, name))) && !(await isFolder(join(folder, UNFINISHED, name)))
    if (isInTheWay) throw writeError(name, folder, Object.assign(new Error('it is a folder'), { code: 'EISDIR' }))
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}

function configurationsLast(names: readonly string[]): string[] {
  return [...names.filter((name) => !isConfiguration(name)), ...names.filter(isConfiguration)]
}

function isConfiguration(name: string): boolean {
  return CONFIGURATIONS.includes(name)
}
