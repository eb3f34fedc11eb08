/** Failures inside ONNX Runtime as Espalier's errors. */
import { EspalierError, indexError } from '@espalier/core'
import { wasmFailure } from './wasm-file.js'

/** An error for a failure of the runtime, naming the program and the op; errors of Espalier pass as they are. */
export function runtimeError(cause: unknown, doing: 'prepare' | 'run', program: string): EspalierError {
  if (EspalierError.isInstance(cause)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const absent = wasmFailure(message, cause)
  if (absent !== undefined) return absent
  const slot = (cause as { slot?: string } | undefined)?.slot
  // Nodes are called after the op of the graph that they come from: `matmul#12`.
  const op = /(?:Name:'|node \()([A-Za-z.]+)#\d/.exec(message)?.[1]
  const index = outsideIndex(message)
  const at = { program, ...(slot === undefined ? {} : { slot }) }
  if (index !== undefined) return indexError(op ?? index.op, { ...at, ...index.got }, cause)
  return new EspalierError('backend.failed', {
    what: `ONNX Runtime failed to ${doing} a program`,
    got: { ...at, ...(op === undefined ? {} : { op }), reason: message.split('\n')[0]?.slice(0, 200) },
    fix: 'Less memory per step may help; the cause has the whole message.',
    cause,
  })
}

// What kernels of the runtime, our host and packed programs say of an index outside; its own name says which op the runtime was at.
const OUTSIDE: readonly (readonly [op: string, message: RegExp])[] = [
  ['gatherRows', /idx=(?<index>-?\d+) must be within the inclusive range \[-(?<size>\d+),/],
  ['scatterAddRows', /invalid indice found, indice = (?<index>-?\d+)/],
  ['gatherAlong', /gather_elements\.cc.*out of range/is],
  ['gatherRows', /index (?<index>-?\d+) lies outside a table of (?<size>\d+) rows/],
  ['cachedAttention', /slot (?<index>-?\d+) lies outside a cache of (?<size>\d+)/],
  ['writeRows', /rows (?<start>-?\d+) to -?\d+ lie outside .* \((?<extent>\d+) rows\)/],
]

function outsideIndex(message: string): { op: string; got: Readonly<Record<string, number>> } | undefined {
  for (const [op, pattern] of OUTSIDE) {
    const match = pattern.exec(message)
    if (match === null) continue
    const got = Object.entries(match.groups ?? {}).map(([name, digits]) => [name, Number(digits)] as const)
    // Negative indices reach the runtime as u32: see `positions` in emit/indexing.ts.
    return { op, got: Object.fromEntries(got.map(([name, value]) => [name, name === 'index' ? value | 0 : value])) }
  }
  return undefined
}
