/** Errors of tfjs as errors of Espalier. */
import { EspalierError } from '@espalier/core'

/** backend.failed with what was under way; an error of ours stays what it is. */
export function runtimeError(cause: unknown, got: Readonly<Record<string, string>>): EspalierError {
  if (EspalierError.isInstance(cause)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return new EspalierError('backend.failed', {
    what: 'tfjs failed to run a program',
    got: { ...got, message: message.slice(0, 500) },
    cause,
  })
}
