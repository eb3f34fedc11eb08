/** How much memory a program's intermediate values take at most: what a preflight tells before anything runs. */
import { byteSize } from '../dtype.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'
import { inlineCalls } from './inline.js'
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
  const owner = new Map<Tensor, Tensor>()
  const ownerOf = (x: Tensor) => owner.get(x) ?? x
  const uses = new Map<Tensor, number>()
  const count = (x: Tensor) => uses.set(x, (uses.get(x) ?? 0) + 1)
  let [state, weights] = [0, 0]
  for (const node of order) {
    if (isOp(node, 'input') && node.attrs.slot !== 'feed') {
      const bytes = bytesOf(node.outputs[0] as Tensor)
      if (node.attrs.slot === 'state') state += bytes
      else weights += bytes
    }
    if (node.op === 'reshape' || node.op === 'barrier')
      for (const [i, x] of node.outputs.entries()) owner.set(x, ownerOf(node.inputs[i] as Tensor))
    for (const x of node.inputs) count(ownerOf(x))
  }
  for (const x of finals) count(ownerOf(x))
  let [live, peak] = [0, 0]
  const held = (x: Tensor) => (isOp(x.node, 'input') && x.node.attrs.slot !== 'feed' ? 0 : bytesOf(x))
  for (const node of order) {
    for (const x of node.outputs) if (ownerOf(x) === x) live += held(x)
    peak = Math.max(peak, live)
    for (const x of node.inputs) {
      const own = ownerOf(x)
      const left = (uses.get(own) ?? 0) - 1
      uses.set(own, left)
      if (left === 0) live -= held(own)
    }
    for (const x of node.outputs) if (ownerOf(x) === x && !uses.has(x)) live -= held(x)
  }
  return { intermediates: peak, state, weights }
}

function bytesOf(x: Tensor): number {
  return sizeOf(x.shape) * byteSize(x.dtype)
}
