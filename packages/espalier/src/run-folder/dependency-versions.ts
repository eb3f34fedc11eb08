/** Versions of what computes and downloads, as installed beside this package. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const NAMES = ['@huggingface/hub']

/** Name -> version, of those that are found; of ONNX Runtime the package that computes. */
export async function dependencyVersions(): Promise<Readonly<Record<string, string>>> {
  const { findNative, findWasm } = await import('@espalier/backend-onnx')
  const require = createRequire((import.meta.url as string | undefined) ?? join(process.cwd(), 'main')) // absent in CommonJS bundles
  const runtime = findNative() ?? findWasm()
  const versions: Record<string, string> = runtime === undefined ? {} : { [runtime.name]: runtime.version }
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
