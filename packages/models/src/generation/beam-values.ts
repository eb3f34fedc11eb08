/** The values of beam search and of several sequences, checked as transformers checks them. */
import { EspalierError } from '@espalier/core'
import type { ResolvedOptions } from './options.js'

/** Throws config.value, and config.unsupported for beams that are sampled. */
export function requireBeams({
  numBeams,
  numReturnSequences,
  lengthPenalty,
  earlyStopping,
  doSample,
}: ResolvedOptions): void {
  const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0
  const require = (holds: boolean, what: string, got: Readonly<Record<string, unknown>>) => {
    if (!holds) throw new EspalierError('config.value', { what, got })
  }
  require(isCount(numBeams), 'numBeams must be a whole number above 0', { numBeams })
  require(isCount(numReturnSequences), 'numReturnSequences must be a whole number above 0', { numReturnSequences })
  require(Number.isFinite(lengthPenalty), 'lengthPenalty must be a number', { lengthPenalty })
  require(earlyStopping === 'never' ||
    typeof earlyStopping === 'boolean', 'earlyStopping must be true, false or "never"', { earlyStopping })
  require(doSample ||
    numReturnSequences <= numBeams, 'without doSample there are no more sequences of a prompt than beams', {
    numReturnSequences,
    numBeams,
  })
  if (doSample && numBeams > 1)
    throw new EspalierError('config.unsupported', {
      what: 'beams are not sampled',
      got: { numBeams, doSample },
      fix: 'Leave out numBeams, or doSample',
    })
}
