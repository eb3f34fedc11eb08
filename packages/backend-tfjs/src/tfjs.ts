/** The tfjs backend over a namespace that the user passes in: this package itself depends on no tfjs. */
import { type Backend, EspalierError } from '@espalier/core'
import { mendNodeUtil } from './node-util.js'
import { TfBackend } from './tf-backend.js'
import type { TfModule, TfNamespace } from './tf-namespace.js'

/** Settings of the tfjs backend. */
export interface TfjsOptions {
  /** The tfjs to compute with: `import * as tf from '@tensorflow/tfjs-node'`, or tfjs-node-gpu, or tfjs-core with a backend of its own. */
  readonly tf: TfModule
}

// One function of each kind that is called: whoever passes something else learns so now, and not in the middle of a run.
const NEEDED = ['ready', 'getBackend', 'engine', 'tensor', 'keep', 'matMul', 'gather', 'scatterND', 'tidy'] as const

/** A backend on tfjs: CUDA through tfjs-node-gpu, TensorFlow on the CPU through tfjs-node, and wasm, webgl and cpu. Throws backend.missing. */
export function tfjs(options: TfjsOptions): Backend {
  const tf = namespaceOf(options?.tf)
  mendNodeUtil()
  return new TfBackend(tf)
}

// A CommonJS build that is imported as ESM may have everything under `default`.
function namespaceOf(given: unknown): TfNamespace {
  const candidates = [given, (given as { default?: unknown } | undefined)?.default]
  const missing = (tf: unknown) =>
    NEEDED.filter((name) => typeof (tf as Record<string, unknown> | undefined)?.[name] !== 'function')
  const found = candidates.find((tf) => tf !== undefined && tf !== null && missing(tf).length === 0)
  if (found !== undefined) return found as TfNamespace
  throw new EspalierError('backend.missing', {
    what: 'the tfjs backend was given no tfjs',
    got: given === undefined || given === null ? { tf: null } : { missing: missing(given) },
    fix: 'Install one, `npm install @tensorflow/tfjs-node` (or @tensorflow/tfjs-node-gpu, or @tensorflow/tfjs), and pass it: tfjs({ tf }) with import * as tf from it.',
  })
}
