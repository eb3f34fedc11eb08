/**
 * Programs between two generations. A generation releases what it compiled, but the next request wants the same programs, and compiling
 * them takes longer than answering. So the last used ones of each weight set stay compiled; all of them end with the weights.
 */
import type { Executable, WeightSet } from '@espalier/core'

const MOST_IDLE = 32 // reading and continuing at a dozen sizes

const idle = new WeakMap<WeightSet, Map<Executable['program'], Executable>>()

/** Takes over an executable that its generation is done with, and releases the one that was not used for longest when there are too many. */
export function retire(weights: WeightSet, executable: Executable): void {
  const known = idle.get(weights) ?? new Map<Executable['program'], Executable>()
  idle.set(weights, known)
  const { program } = executable
  known.get(program)?.release() // the same program twice: once is enough
  known.delete(program)
  known.set(program, executable)
  const [oldest] = known.values()
  if (known.size <= MOST_IDLE || oldest === undefined) return
  known.delete(oldest.program)
  oldest.release()
}
