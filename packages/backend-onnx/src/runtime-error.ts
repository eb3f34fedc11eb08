/** Failures inside ONNX Runtime as Espalier's errors. */
import { EspalierError } from '@espalier/core'

/** An error for a failure of the runtime, naming the program and the op; errors of Espalier pass as they are. */
export function runtimeError(cause: unknown, doing: 'prepare' | 'run', program: string): EspalierError {
  if (EspalierError.isInstance(cause)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const slot = (cause as { slot?: string } | undefined)?.slot
  // Nodes are called after the op of the graph that they come from: `matmul#12`.
  const op = /(?:Name:'|node \()([A-Za-z.]+)#\d/.exec(message)?.[1]
  return new EspalierError('backend.failed', {
    what: `ONNX Runtime failed to ${doing} a program`,
    got: {
      program,
      ...(op === undefined ? {} : { op }),
      ...(slot === undefined ? {} : { slot }),
      reason: message.split('\n')[0]?.slice(0, 200),
    },
    fix: 'Less memory per step may help; the cause has the whole message.',
    cause,
  })
}
