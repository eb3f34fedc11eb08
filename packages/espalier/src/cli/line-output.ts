/** Where lines of results go: to stdout as they come, or to a file that appears whole. */
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { openTarget } from '@espalier/serialization'
import { UsageError } from './failure.js'
import { result } from './terminal.js'
import type { Values } from './values.js'

/** The file of `--output`; undefined for stdout. sources: files that are read meanwhile. Throws UsageError for one of them, and for what no file could take the place of. */
export async function outputFile(values: Values, sources: readonly string[]): Promise<string | undefined> {
  const path = values.text('output')
  const there = path === undefined ? undefined : await realpath(path).catch(() => undefined)
  if (path === undefined || there === undefined) return path
  if (!(await stat(there)).isFile()) throw new UsageError(`--output ${path} is there and is no file`, 'Name a file')
  const read = await Promise.all(sources.map((source) => realpath(source)))
  if (read.includes(there))
    throw new UsageError(`--output ${path} would replace rows that are read`, 'Name another file')
  return path
}

/** Writes the lines, to stdout without a file. Throws file.write; what making the lines throws leaves a file as it was. */
export async function writeLines(
  lines: AsyncIterable<string>,
  file: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (file === undefined) for await (const line of lines) result(line)
  else await openTarget(dirname(file)).write(basename(file), bytesOf(lines), { signal })
}

async function* bytesOf(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const line of lines) yield encoder.encode(`${line}\n`)
}
