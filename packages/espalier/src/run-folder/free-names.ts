/** What lies under the names that a run will write: told before anything is read, and not when a result finds its place taken. */
import type { Stats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { EspalierError } from '@espalier/core'
import { CARD, kindOf, OF_ADAPTER } from './run-names.js'

/**
 * Throws config.value, with all that is found, where a name of a run or a merge holds something else than a plain file, or than a folder
 * where it writes one. adapterNames: each but `default` has a folder of its name, which is replaced whole. A folder that is not there is free.
 */
export async function requireFreeNames(outputDir: string, adapterNames: readonly string[] = []): Promise<void> {
  const own = adapterNames.filter((name) => name !== 'default')
  const taken = own.filter((name) => kindOf(name) !== undefined)
  if (taken.length > 0)
    throw new EspalierError('config.value', {
      what: 'an adapter is called as a run calls a file or folder of its own',
      got: { outputDir, adapters: taken },
      fix: 'Give the adapter another name',
    })
  const inTheWay: string[] = []
  for (const name of (await readdir(outputDir).catch(() => [])).sort()) {
    const isAdapter = own.includes(name)
    const kind = isAdapter ? 'folder' : kindOf(name)
    if (kind === undefined) continue
    const path = join(outputDir, name)
    const what = (await obstacle(path, outputDir, kind)) ?? (isAdapter ? await otherFiles(path) : undefined)
    if (what !== undefined) inTheWay.push(`${path}: ${what}`)
  }
  if (inTheWay.length === 0) return
  throw new EspalierError('config.value', {
    what: 'something else lies in the output folder under the names of files that are written there',
    got: { outputDir, inTheWay },
    fix: 'Move or delete it, or choose another outputDir',
  })
}

/** What a path is, in words, where that is neither of the kind nor a link within the folder to one. */
async function obstacle(path: string, outputDir: string, kind: 'file' | 'folder'): Promise<string | undefined> {
  const entry = await lstat(path)
  if (!entry.isSymbolicLink()) return otherKind(entry, kind)
  const target = await realpath(path).catch(() => undefined)
  if (target === undefined) return 'a link to nothing'
  if (!target.startsWith(`${await realpath(outputDir)}${sep}`)) return 'a link out of the folder'
  return otherKind(await stat(target), kind)
}

function otherKind(entry: Stats, kind: 'file' | 'folder'): string | undefined {
  if (entry.isDirectory()) return kind === 'folder' ? undefined : 'a folder'
  if (entry.isFile()) return kind === 'file' ? undefined : 'a file'
  return entry.isFIFO() ? 'a pipe' : entry.isSocket() ? 'a socket' : 'a device'
}

async function otherFiles(path: string): Promise<string | undefined> {
  const names = await readdir(path)
  const isPlain = names.every((name) => OF_ADAPTER.test(name) || name === CARD)
  return isPlain ? undefined : 'a folder of other files than an adapter’s'
}
