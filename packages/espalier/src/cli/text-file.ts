/** Text files that options name. */
import { readFile, stat } from 'node:fs/promises'
import { EspalierError } from '@espalier/core'
import { parseJsonText } from '@espalier/data'
import { parseJson } from '@espalier/serialization'
import { UsageError } from './failure.js'

/** The text of a file. Throws UsageError when there is none, or when it is no file: opening a pipe would wait for its writer. */
export async function readTextFile(option: string, path: string): Promise<string> {
  await requireTextFile(option, path)
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(option, path, error instanceof Error ? error.message : String(error))
  })
}

/** The JSON of a file. Throws UsageError when it cannot be read, or a key occurs twice in it. */
export async function readJsonFile(option: string, path: string): Promise<unknown> {
  const text = await readTextFile(option, path)
  try {
    parseJson(text, path)
    return parseJsonText(text)
  } catch (error) {
    if (!EspalierError.isInstance(error)) throw error
    throw unreadable(option, path, `${error.what}, line ${String(error.details.line)}`)
  }
}

/** Throws UsageError when there is no file at a path, or something else. */
export async function requireTextFile(option: string, path: string): Promise<void> {
  const found = await stat(path).catch((error: Error) => error.message)
  if (typeof found === 'string') throw unreadable(option, path, found)
  if (!found.isFile()) throw unreadable(option, path, 'it is no file but a folder, a pipe or a device')
}

/** What is wrong with the file that an option names. */
export function unreadable(option: string, path: string, reason: string): UsageError {
  return new UsageError(`--${option} cannot be read (${path}: ${reason})`, 'Give the path of a file')
}
