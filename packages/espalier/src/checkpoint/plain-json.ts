/** JSON files of a folder that may come from anywhere. */
import { createHash } from 'node:crypto'
import { lstat, readFile } from 'node:fs/promises'

/** What a file holds; undefined where there is none, or half of one. A link is none, and a pipe would be waited for. */
export async function readPlainJson(path: string): Promise<unknown> {
  try {
    return (await lstat(path)).isFile() ? (JSON.parse(await readFile(path, 'utf8')) as unknown) : undefined
  } catch {
    return undefined
  }
}

/** Whether a value is an object with names. */
export function isNamed(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** SHA-256 of a value's JSON, whatever the spaces of its file are; undefined of one that is nested too deep to write. */
export function jsonHash(value: unknown): string | undefined {
  try {
    return createHash('sha256').update(JSON.stringify(value)).digest('hex')
  } catch {
    return undefined
  }
}
