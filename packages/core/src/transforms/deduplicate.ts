/** Common-subexpression removal: nodes with the same op, attributes, inputs and specs become one. Never across a barrier. */
import { rebuild } from '../graph/rebuild.js'
import type { Tensor } from '../graph/tensor.js'
import { SharedNodes } from './shared-nodes.js'

/** The graph with equal nodes merged. A barrier is never merged, so what is computed from its outputs stays apart. */
export function deduplicate(roots: readonly Tensor[]): Tensor[] {
  const nodes = new SharedNodes()
  return rebuild(roots, (node, inputs) => nodes.share(node, inputs).outputs)
}
