/** Rebuilding a graph with changes: the engine under every transform. Shapes of unchanged nodes are not inferred again. */
import { createNode, type Node, type Tensor, topologicalOrder } from './tensor.js'

/** Replaces a node: its new inputs are given, the node's own list where none changed; returns one tensor per output, or undefined to keep the node. */
export type Rewrite = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined

/**
 * The roots with every node below passed through `rewrite`, inputs first. Nodes whose inputs stay the same are shared with the old
 * graph. `stop` holds tensors to keep as they are, with all that lies behind them.
 */
export function rebuild(roots: readonly Tensor[], rewrite: Rewrite, stop?: ReadonlySet<Tensor>): Tensor[] {
  const replaced = new Map<Node, readonly Tensor[]>()
  for (const node of topologicalOrder(roots, stop)) {
    const inputs = renewed(node.inputs, replaced)
    const outputs = rewrite(node, inputs) ?? (inputs === node.inputs ? node : withInputs(node, inputs)).outputs
    if (outputs !== node.outputs) replaced.set(node, outputs)
  }
  return [...renewed(roots, replaced)]
}

// The same list where nothing in it is replaced: most of a graph stays, and its lists need no copies.
function renewed(tensors: readonly Tensor[], replaced: ReadonlyMap<Node, readonly Tensor[]>): readonly Tensor[] {
  let fresh: Tensor[] | undefined
  for (let i = 0; i < tensors.length; i++) {
    const old = tensors[i] as Tensor
    const tensor = replaced.get(old.node)?.[old.index]
    if (tensor === undefined || tensor === old) continue
    fresh ??= tensors.slice()
    fresh[i] = tensor
  }
  return fresh ?? tensors
}

/** The same op with other inputs of the same specs. */
export function withInputs(node: Node, inputs: readonly Tensor[]): Node {
  return createNode(node.op, inputs, node.attrs, node.outputs)
}
