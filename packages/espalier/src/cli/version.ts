/** This package's version. */
import { readFileSync } from 'node:fs'

/** The version in package.json, two folders up from the sources and one from dist. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (name === 'espalier' && version !== undefined) return version
    } catch {
      // The other place has it.
    }
  }
  return 'unknown'
}
