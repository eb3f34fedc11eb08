/** Where the worker's file is. It starts as a file of its own, which a bundle of a program does not hold. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EspalierError } from '@espalier/core'

const NAME = 'worker.mjs'
const COMPANION = 'packed/kernels.wasm' // beside ours alone

/**
 * The file beside this module; in a bundle that of the installed package, as node finds it from the bundle, the main script or the current
 * folder. Throws backend.missing.
 */
export function workerFile(): URL {
  const own: string | undefined = import.meta.url // a bundler that makes CommonJS leaves it out
  const beside = own === undefined ? [] : [new URL('.', own)]
  const starts = [own, process.argv[1], join(process.cwd(), 'main')].filter((path) => path !== undefined)
  for (const folder of [...beside, ...starts.flatMap(packageSeenFrom)]) {
    const file = new URL(NAME, folder)
    if (existsSync(file) && existsSync(new URL(COMPANION, folder))) return file
  }
  throw new EspalierError('backend.missing', {
    what: 'the worker of the onnx backend is not beside the bundle that this program runs from',
    got: { from: own ?? process.argv[1] },
    fix: 'Leave espalier and all of @espalier out of the bundle (esbuild: --external:espalier --external:@espalier/*; webpack: externals; Next.js: serverExternalPackages) and install them where the program runs.',
  })
}

function packageSeenFrom(start: string): URL[] {
  try {
    const manifest = createRequire(start).resolve('@espalier/backend-onnx/package.json')
    return [pathToFileURL(join(dirname(manifest), 'dist/'))]
  } catch {
    return [] // not installed there
  }
}
