/** The values of beam search and of several sequences, checked as transformers checks them. */
import { EspalierError } from '@espalier/core'
import type { ResolvedOptions } from './options.js'

/** Throws config.value. */
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
  require((doSample && numBeams === 1) ||
    numReturnSequences <=
      numBeams, 'there are no more sequences of a prompt than beams, or than samples with one beam', {
    numReturnSequences,
    numBeams,
  })
}
