/** The parts of a graph that are the same in every run: what a backend may compute once, when it plans a program. */
import { filledWith } from '../graph/ops/constant.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'

/**
 * The nodes that no input reaches, and those whose results have no elements. A result that `keeps` refuses is made again in every run,
 * as zeros of a vocabulary's gradient are: they would cost more memory than time; so is what depends on it. Constants with values of
 * their own are in memory anyway. `order` is a topological one.
 */
export function constantParts(order: readonly Node[], keeps: (x: Tensor) => boolean): ReadonlySet<Node> {
  const parts = new Set<Node>()
  for (const node of order) {
    if (isOp(node, 'input')) continue
    const isEmpty = node.outputs.every((x) => sizeOf(x.shape) === 0)
    const isGiven = isOp(node, 'constant') && filledWith(node.outputs[0] as Tensor) === undefined
    if (isEmpty || isGiven || (node.outputs.every(keeps) && node.inputs.every((x) => parts.has(x.node))))
      parts.add(node)
  }
  return parts
}
