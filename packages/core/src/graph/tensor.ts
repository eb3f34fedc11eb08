/**
 * Nodes and tensors of the graph: immutable, statically shaped, without storage. A node applies one op to input tensors and has one
 * or more output tensors. Ops and their shape rules are in ops/.
 */
import type { Spec } from '../dtype.js'
import type { OpAttrs, OpName } from './op-attrs.js'

/** One output of a node. Two tensors are the same value exactly when they are the same object. */
export interface Tensor extends Spec {
  readonly node: Node
  /** Which output of the node. */
  readonly index: number
}

/** One application of an op. */
export interface Node<K extends OpName = OpName> {
  readonly op: K
  readonly inputs: readonly Tensor[]
  readonly attrs: OpAttrs[K]
  readonly outputs: readonly Tensor[]
  /** Creation number: a node is younger than its inputs. */
  readonly id: number
}

let created = 0

/** A new node with outputs of the given specs. For op builders and transforms, which have checked them. */
export function createNode<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
  specs: readonly Spec[],
): Node<K> {
  const outputs: Tensor[] = []
  const node: Node<K> = { op, inputs, attrs, outputs, id: created++ }
  specs.forEach((spec, index) => {
    outputs.push({ node: node as unknown as Node, index, dtype: spec.dtype, shape: spec.shape })
  })
  return node
}

/** Whether a node has this op; narrows its attributes. */
export function isOp<K extends OpName>(node: Node, op: K): node is Node<K> & Node {
  return (node.op as string) === op
}

/** The nodes that the tensors depend on, each after its inputs. `stop` holds tensors not to look behind. */
export function topologicalOrder(roots: readonly Tensor[], stop?: ReadonlySet<Tensor>): Node[] {
  const order: Node[] = []
  const seen = new Set<Node>()
  // An explicit stack: graphs of deep models overflow the call stack.
  const stack: Node[] = []
  const next: number[] = [] // input to look at, of each node on the stack
  const enter = (tensor: Tensor) => {
    if (seen.has(tensor.node) || stop?.has(tensor)) return
    seen.add(tensor.node)
    stack.push(tensor.node)
    next.push(0)
  }
  for (const root of roots) {
    enter(root)
    while (stack.length > 0) {
      const top = stack.length - 1
      const node = stack[top] as Node
      const at = next[top] as number
      const input = node.inputs[at]
      next[top] = at + 1
      if (input !== undefined) enter(input)
      else {
        order.push(node)
        stack.pop()
        next.pop()
      }
    }
  }
  return order
}
