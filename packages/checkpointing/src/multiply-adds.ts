/** What a graph costs, counted: the multiplications and additions of its products. */
import { contractedSize, inlineCalls, isOp, sizeOf, type Tensor, topologicalOrder } from '@espalier/core'

/** Multiply-adds of all matrix products below the roots, calls expanded; each product counts once. */
export function multiplyAdds(roots: readonly Tensor[]): number {
  return topologicalOrder(inlineCalls(roots)).reduce(
    (sum, node) => sum + (isOp(node, 'matmul') ? sizeOf((node.outputs[0] as Tensor).shape) * contractedSize(node) : 0),
    0,
  )
}
