/** What a graph costs, counted: the multiplications and additions of its products. */
import {
  contractedSize,
  expandCall,
  inlineCalls,
  isOp,
  type Node,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
} from '@espalier/core'

/** Multiply-adds of all matrix products below the roots, calls expanded; equal products count once, as a backend computes them. */
export function multiplyAdds(roots: readonly Tensor[]): number {
  return sumOver(topologicalOrder(simplify(inlineCalls(roots))))
}

/** Multiply-adds of one node, those below it left out. */
export function nodeMultiplyAdds(node: Node): number {
  if (isOp(node, 'call')) return sumOver(topologicalOrder(expandCall(node), new Set(node.inputs)))
  return isOp(node, 'matmul') ? sizeOf((node.outputs[0] as Tensor).shape) * contractedSize(node) : 0
}

function sumOver(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + nodeMultiplyAdds(node), 0)
}
