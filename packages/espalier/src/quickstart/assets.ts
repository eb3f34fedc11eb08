/** The files that the demonstration is bundled with: a small base model and its data set. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EspalierError } from '@espalier/core'

/** A sentence and its record. */
export interface QuickstartRow {
  readonly prompt: string
  readonly completion: string
}

/** Where the bundled files are. */
export interface QuickstartAssets {
  /** The base model's folder. */
  readonly base: string
  readonly trainFile: string
  readonly heldOutFile: string
}

/** The bundled files. Throws file.missing. */
export function quickstartAssets(): QuickstartAssets {
  // Beside dist in the published package, two folders up from the sources.
  const folders = ['../assets/quickstart', '../../assets/quickstart'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  )
  const folder = folders.find((path) => existsSync(join(path, 'base', 'config.json')))
  if (folder === undefined)
    throw new EspalierError('file.missing', {
      what: "the quickstart's bundled files are not beside the package",
      got: { folders },
      fix: 'Install the package again',
    })
  return {
    base: join(folder, 'base'),
    trainFile: join(folder, 'data', 'train.jsonl'),
    heldOutFile: join(folder, 'data', 'held-out.jsonl'),
  }
}

/** A file's rows, in order. */
export async function readQuickstartRows(path: string): Promise<QuickstartRow[]> {
  const text = await readFile(path, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as QuickstartRow)
}
