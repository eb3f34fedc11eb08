/** Finds the installed tfjs-node whose addon is to be built. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { EspalierError } from '@espalier/core'

/** An installed @tensorflow/tfjs-node or tfjs-node-gpu. */
export interface TfjsNodeInstall {
  readonly folder: string
  readonly name: string
  readonly version: string
}

const CPU = '@tensorflow/tfjs-node'
const GPU = '@tensorflow/tfjs-node-gpu'

/** The package of a folder, or the one that the working folder's modules see; for a CUDA TensorFlow the GPU package first. Throws backend.missing. */
export function findTfjsNode(options: {
  readonly from: string
  readonly folder?: string
  readonly cuda: boolean
}): TfjsNodeInstall {
  const { from, folder, cuda } = options
  const manifests =
    folder === undefined
      ? (cuda ? [GPU, CPU] : [CPU, GPU]).map((name) => resolved(name, from))
      : [join(resolve(from, folder), 'package.json')]
  const manifest = manifests.find((file) => file !== undefined && existsSync(file))
  if (manifest === undefined) {
    throw new EspalierError('backend.missing', {
      what: 'no tfjs-node is installed here',
      got: { from, ...(folder === undefined ? {} : { folder }) },
      fix: `Install one without its own download of TensorFlow: npm install --ignore-scripts ${cuda ? GPU : CPU}`,
    })
  }
  const { name, version } = identity(manifest)
  const own = realpathSync(dirname(manifest))
  if ((name !== CPU && name !== GPU) || !existsSync(join(own, 'binding.gyp'))) {
    throw new EspalierError('config.value', {
      what: 'this folder is no tfjs-node with the sources of its addon',
      got: { folder: own, name },
    })
  }
  return { folder: own, name, version }
}

// A file that is no manifest describes no tfjs-node.
function identity(manifest: string): { readonly name?: string; readonly version: string } {
  try {
    return { version: '', ...(JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string } | null) }
  } catch {
    return { version: '' }
  }
}

function resolved(name: string, from: string): string | undefined {
  try {
    return createRequire(join(from, 'package.json')).resolve(`${name}/package.json`)
  } catch {
    return undefined // not installed
  }
}
