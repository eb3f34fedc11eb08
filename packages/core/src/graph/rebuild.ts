/** Rebuilding a graph with changes: the engine under every transform. Shapes of unchanged nodes are not inferred again. */
import { createNode, type Node, type Tensor, topologicalOrder } from './tensor.js'

/** Replaces a node: its new inputs are given; returns one tensor per output, or undefined to keep the node. */
export type Rewrite = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined

/**
 * The roots with every node below passed through `rewrite`, inputs first. Nodes whose inputs stay the same are shared with the old
 * graph. `stop` holds tensors to keep as they are, with all that lies behind them.
 */
export function rebuild(roots: readonly Tensor[], rewrite: Rewrite, stop?: ReadonlySet<Tensor>): Tensor[] {
  const replaced = new Map<Node, readonly Tensor[]>()
  const renew = (tensor: Tensor): Tensor => replaced.get(tensor.node)?.[tensor.index] ?? tensor
  for (const node of topologicalOrder(roots, stop)) {
    const inputs = node.inputs.map(renew)
    const result = rewrite(node, inputs)
    if (result !== undefined) replaced.set(node, result)
    else if (inputs.some((x, i) => x !== node.inputs[i])) replaced.set(node, withInputs(node, inputs).outputs)
  }
  return roots.map(renew)
}

/** The same op with other inputs of the same specs. */
export function withInputs(node: Node, inputs: readonly Tensor[]): Node {
  return createNode(node.op, inputs, node.attrs, node.outputs)
}
