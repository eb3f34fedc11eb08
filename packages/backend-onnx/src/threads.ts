/** How many threads may compute. */
import { EspalierError } from '@espalier/core'

const MOST = 1024 // ONNX Runtime starts as many as it is told, and a machine runs out of them before it says so

/** Throws config.value for a number of threads that is not whole, or not within 1 and 1024. */
export function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST) return
  throw new EspalierError('config.value', {
    what: `threads is a whole number from 1 to ${MOST}`,
    got: { threads },
    fix: 'Leave threads out for one per core',
  })
}
