/**
 * Finds elementwise work that can run as one kernel, in which each thread makes one element of the result and keeps what lies between
 * to itself. Only the search is here; backends write the kernels.
 */
import { filledWith } from '../graph/ops/constant.js'
import { type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sameShape } from '../shape.js'

/** Nodes that one kernel computes. */
export interface ElementwiseFusion {
  /** At least two, each after its inputs; all have the result's shape, and nothing else needs what they make. */
  readonly nodes: readonly Node[]
  /** What the kernel reads, each once. Shapes broadcast to the result's; constants with one value everywhere are not among them. */
  readonly inputs: readonly Tensor[]
  /** What the last node makes. */
  readonly result: Tensor
}

/** The fusions of a graph: by the node whose output they compute, and the nodes that need no step of their own. */
export interface ElementwiseFusions {
  readonly fusions: ReadonlyMap<Node, ElementwiseFusion>
  readonly absorbed: ReadonlySet<Node>
}

/** What a backend can put into one kernel. */
export interface ElementwiseLimits {
  /** Most tensors that a kernel may read. Default 7: with the result, the 8 buffers of a stage that every WebGPU device has. */
  readonly mostInputs?: number
  /** Which nodes may be fused at all. Default: unary, binary, compare, select, cast and broadcast. */
  readonly covers?: (node: Node) => boolean
}

const ELEMENTWISE: ReadonlySet<string> = new Set(['unary', 'binary', 'compare', 'select', 'cast', 'broadcast'])

/** A kernel under construction, from its result backwards. */
interface Growing {
  readonly result: Tensor
  /** The last one first. */
  readonly nodes: Node[]
  readonly inputs: Set<Tensor>
}

/** Finds all fusions below the roots. `order` is the roots' topological order, for those who have it. */
export function elementwiseFusions(
  roots: readonly Tensor[],
  { mostInputs = 7, covers = (node) => ELEMENTWISE.has(node.op) }: ElementwiseLimits = {},
  order: readonly Node[] = topologicalOrder(roots),
): ElementwiseFusions {
  const users = usersOf(order)
  const wanted = new Set(roots)
  const kernels = new Map<Node, Growing>()

  // The one kernel that all users of a node are in: from the last node backwards, users are decided before what they use.
  const only = (x: Tensor): Growing | undefined => {
    if (wanted.has(x)) return undefined
    const [first, ...others] = (users.get(x) ?? []).map((user) => kernels.get(user))
    return first !== undefined && others.every((other) => other === first) ? first : undefined
  }
  const joins = (node: Node, x: Tensor, kernel: Growing): boolean => {
    if (!sameShape(x.shape, kernel.result.shape)) return false
    const inputs = new Set([...kernel.inputs, ...readBy(node)])
    inputs.delete(x)
    if (inputs.size > mostInputs) return false
    kernel.inputs.delete(x)
    for (const input of inputs) kernel.inputs.add(input)
    kernel.nodes.push(node)
    kernels.set(node, kernel)
    return true
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    const x = node.outputs[0] as Tensor
    if (node.outputs.length !== 1 || !covers(node)) continue
    const kernel = only(x)
    if (kernel !== undefined && joins(node, x, kernel)) continue
    kernels.set(node, { result: x, nodes: [node], inputs: new Set(readBy(node)) })
  }

  const fused = [...new Set(kernels.values())].filter(({ nodes }) => nodes.length > 1)
  const fusions = fused.map(({ result, nodes, inputs }): [Node, ElementwiseFusion] => [
    result.node,
    { nodes: nodes.reverse(), inputs: [...inputs], result },
  ])
  const absorbed = fusions.flatMap(([last, { nodes }]) => nodes.filter((node) => node !== last))
  return { fusions: new Map(fusions), absorbed: new Set(absorbed) }
}

function readBy(node: Node): Tensor[] {
  return node.inputs.filter((x) => filledWith(x) === undefined)
}

function usersOf(order: readonly Node[]): ReadonlyMap<Tensor, readonly Node[]> {
  const users = new Map<Tensor, Node[]>()
  for (const node of order)
    for (const x of node.inputs) {
      const known = users.get(x)
      if (known === undefined) users.set(x, [node])
      else known.push(node)
    }
  return users
}
