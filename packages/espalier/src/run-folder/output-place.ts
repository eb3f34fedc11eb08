/** Where an output may lie: in a folder of its own, which is neither what is read nor something else than a folder. Looked at before anything is read. */
import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { EspalierError } from '@espalier/core'
import { requireFreeNames } from './free-names.js'
import { checkpointStep, UNFINISHED } from './run-names.js'

/** What is read while the output is written: local paths; hub ids and whatever else is no path here lie elsewhere. */
export interface OutputSources {
  /** The folder of the base model. */
  readonly base?: string | undefined
  /** The folder of the adapter that is merged or trained further. */
  readonly adapter?: string | undefined
  /** Whether the output may take the adapter's place, as when it trains further. Default true. */
  readonly replacesAdapter?: boolean
  /** Where the tokenizer is read from, when not beside the model. */
  readonly tokenizer?: string | undefined
  readonly data?: readonly string[]
  /** Names of the adapters that are saved, where they are known. */
  readonly adapterNames?: readonly string[]
}

/** Throws config.value when the output is empty, a file, a link to nothing, the base model's own folder, or holds what is read, or something else under the names of what is written. */
export async function checkOutputPlace(outputDir: string, sources: OutputSources): Promise<void> {
  const { base, adapter, tokenizer, replacesAdapter = true, data = [], adapterNames } = sources
  await requireFolder(outputDir)
  if (base !== undefined && (await isSame(outputDir, base)))
    throw refused('the output folder is the base model’s own: its weights would be written over', { outputDir, base })
  if (adapter !== undefined && !replacesAdapter && (await isSame(outputDir, adapter)))
    throw refused('the output folder is the adapter’s own: it would hold an adapter and a model', {
      outputDir,
      adapter,
    })
  for (const [name, source] of Object.entries({ base, adapter, tokenizer }))
    if (source !== undefined && (await isBelow(outputDir, source)))
      throw refused(`the output folder holds the ${name} in what a run writes over`, { outputDir, [name]: source })
  for (const path of data)
    if ((await isIn(outputDir, path)) || (await isBelow(outputDir, path)))
      throw refused('the output folder holds the data: a run’s files could replace them', { outputDir, data: path })
  await requireFreeNames(outputDir, adapterNames)
}

/** Throws config.value when a path is empty, or no folder can be there. */
async function requireFolder(outputDir: string): Promise<void> {
  if (outputDir === '') throw refused('outputDir is empty', { outputDir })
  const found = await stat(outputDir).catch((error: NodeJS.ErrnoException) => error.code)
  if (found === 'ENOTDIR') throw refused('a folder above the output folder is a file', { outputDir })
  if (found === 'ELOOP') throw refused('the output folder is a link that leads back to itself', { outputDir })
  if (typeof found === 'object' && !found.isDirectory())
    throw refused('a file lies where the output folder should be', { outputDir })
  if (found !== 'ENOENT') return
  const link = await lstat(outputDir).catch(() => undefined)
  if (link?.isSymbolicLink() === true) throw refused('the output folder is a link to nothing', { outputDir })
}

function refused(what: string, got: Readonly<Record<string, string>>): EspalierError {
  return new EspalierError('config.value', { what, got, fix: 'Choose another outputDir' })
}

/** Whether a file lies in a folder itself, by its own name or by what it links to. */
async function isIn(folder: string, path: string): Promise<boolean> {
  for (const place of await places(path)) if (await isSame(folder, dirname(place))) return true
  return false
}

/** Whether a path lies in a part of a run's folder that a new run removes. */
async function isBelow(folder: string, path: string): Promise<boolean> {
  for (const place of await places(path))
    for (let inner = place; dirname(inner) !== inner; inner = dirname(inner))
      if (isRemoved(basename(inner)) && (await isSame(folder, dirname(inner)))) return true
  return false
}

function isRemoved(name: string): boolean {
  return name === UNFINISHED || checkpointStep(name) !== undefined
}

async function places(path: string): Promise<readonly string[]> {
  return [resolve(path), await realpath(path).catch(() => resolve(path))]
}

/** By what the system calls the same: links, mounts and spellings are seen through. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => stat(path, { bigint: true }).catch(() => undefined)))
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino
}
