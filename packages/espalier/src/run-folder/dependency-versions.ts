/** Versions of what computes and tokenizes, as installed beside this package. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const NAMES = ['onnxruntime-node', '@huggingface/tokenizers', '@huggingface/jinja', '@huggingface/hub']

/** Name -> version, of those that are found. */
export function dependencyVersions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url)
  const versions: Record<string, string> = {}
  for (const name of NAMES) {
    const manifest = require.resolve
      .paths(name)
      ?.map((folder) => join(folder, name, 'package.json'))
      .map(read)
      .find((text) => text !== undefined)
    if (manifest !== undefined) versions[name] = (JSON.parse(manifest) as { version: string }).version
  }
  return versions

  function read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }
}
