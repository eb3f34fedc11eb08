/** Barriers without the values that nobody reads behind them: other dead code falls away by itself, what a barrier passes does not. */
import { barrier } from '../graph/ops/barrier.js'
import { rebuild } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'

/** The graph with every barrier narrowed to the values that are read behind it; where there is nothing to narrow, the same roots. */
export function narrowBarriers(roots: readonly Tensor[]): readonly Tensor[] {
  const order = topologicalOrder(roots)
  const barriers = order.filter((node) => isOp(node, 'barrier'))
  if (barriers.length === 0) return roots
  const read = new Set([...roots, ...order.flatMap((node) => node.inputs)])
  const wide = new Set<Node>(barriers.filter(({ outputs }) => outputs.some((x) => !read.has(x))))
  if (wide.size === 0) return roots
  return rebuild(roots, (node, inputs) => {
    if (!wide.has(node)) return undefined
    const passed = node.outputs.filter((x) => read.has(x)).map(({ index }) => inputs[index] as Tensor)
    const outputs = barrier(passed, inputs.slice(node.outputs.length))
    let next = 0
    return node.outputs.map((x, i) => (read.has(x) ? outputs[next++] : inputs[i]) as Tensor)
  })
}
