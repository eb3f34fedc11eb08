/** Kernels of wasm that give wrong results, without an error, for more axes than they have room for. */
import { EspalierError, type Shape } from '@espalier/core'
import type { TfNamespace } from '../tf-namespace.js'

const MOST_AXES = 6

/** Throws backend.unsupported where this tfjs would give wrong results. */
export function refuseRank(tf: TfNamespace, op: string, shape: Shape): void {
  if (tf.getBackend() !== 'wasm' || shape.length <= MOST_AXES) return
  throw new EspalierError('backend.unsupported', {
    what: `tfjs on wasm has no ${op} of more than ${MOST_AXES} axes`,
    got: { backend: 'tfjs', op, shape: [...shape] },
    fix: 'Merge axes with reshape, or use another backend.',
  })
}
