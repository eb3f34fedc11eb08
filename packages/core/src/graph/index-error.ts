/** The error of an index that lies outside its tensor: one for the reference executor and every backend. */
import { EspalierError } from '../errors.js'

/**
 * shape.mismatch for a run whose ids or positions do not fit: `op` is the op that met one, `got` what is known of it (index and size,
 * or start, count and extent). Ids from outside, such as a tokenizer's, are checked by nobody before.
 */
export function indexError(op: string, got: Readonly<Record<string, unknown>>, cause?: unknown): EspalierError {
  return new EspalierError('shape.mismatch', {
    what: op === 'writeRows' ? 'writeRows writes outside the buffer' : `${op} reads outside the tensor`,
    got: { op, ...got },
    fix: 'Ids start at 0 and end before the size: compare those that were fed with the vocabulary or the cache.',
    ...(cause === undefined ? {} : { cause }),
  })
}
