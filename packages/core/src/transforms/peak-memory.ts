/** How much memory a program's intermediate values take at most: what a preflight tells before anything runs. */
import { byteSize } from '../dtype.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'
import { inlineCalls } from './inline.js'
import { lifetimes, memoryOwners } from './liveness.js'
import { simplify } from './simplify.js'

/** Bytes by what they are for. */
export interface ProgramMemory {
  /** Most bytes of intermediate values alive at once, when nodes run in order and values go after their last use. */
  readonly intermediates: number
  /** Bytes of state slots read. */
  readonly state: number
  /** Bytes of frozen weights read. */
  readonly weights: number
}

/** The memory of computing the roots. Reshapes and barriers share their input's memory; constants and feeds count as intermediates. */
export function peakMemory(roots: readonly Tensor[]): ProgramMemory {
  const finals = simplify(inlineCalls(roots))
  const order = topologicalOrder(finals)
  const changes = new Float64Array(order.length + 2) // of the bytes alive, by place; results go after the end
  let [state, weights] = [0, 0]
  for (const [x, { from, to }] of lifetimes(order, finals, memoryOwners(order))) {
    const { node } = x
    const bytes = sizeOf(x.shape) * byteSize(x.dtype)
    if (isOp(node, 'input') && node.attrs.slot === 'state') state += bytes
    else if (isOp(node, 'input') && node.attrs.slot === 'weight') weights += bytes
    else {
      changes[from] = (changes[from] as number) + bytes
      changes[to + 1] = (changes[to + 1] as number) - bytes
    }
  }
  let [live, intermediates] = [0, 0]
  for (const change of changes) {
    live += change
    intermediates = Math.max(intermediates, live)
  }
  return { intermediates, state, weights }
}
