/** One node for all that are equal: what common-subexpression removal works with. */
import { withInputs } from '../graph/rebuild.js'
import { sameAttrs } from '../graph/same-attrs.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'
import { sameShape } from '../shape.js'

/** Nodes that stand for all with their op, attributes, inputs and specs. A barrier stands for itself, so what is computed from its outputs stays apart. */
export class SharedNodes {
  private readonly alike = new Map<number | string, Node[]>()
  private readonly shared = new Set<Node>()

  /** The node that stands for this one over the given inputs, which are shared themselves. */
  share(node: Node, inputs: readonly Tensor[]): Node {
    const isBarrier = node.op === 'barrier'
    const key = isBarrier ? 0 : keyOf(node, inputs)
    const alike = isBarrier ? undefined : this.alike.get(key)
    if (alike !== undefined) for (const other of alike) if (areEqual(other, node, inputs)) return other
    const own = isSame(inputs, node.inputs) ? node : withInputs(node, inputs)
    this.shared.add(own)
    if (alike !== undefined) alike.push(own)
    else if (!isBarrier) this.alike.set(key, [own])
    return own
  }

  /** The tensor over shared nodes only. */
  tensor(x: Tensor): Tensor {
    const { node } = x
    if (this.shared.has(node)) return x
    const inputs = node.inputs.map((input) => this.tensor(input))
    return this.share(node, inputs).outputs[x.index] as Tensor
  }
}

// What nodes are sought by: numbers are quicker to make than text. Few nodes share inputs, many leaves share an op.
function keyOf(node: Node, inputs: readonly Tensor[]): number | string {
  if (inputs.length > 0) {
    let hash = 17
    for (const x of inputs) hash = (Math.imul(hash, 31) + Math.imul(x.node.id, 7) + x.index) | 0
    return hash
  }
  if (isOp(node, 'input')) return node.attrs.name
  return isOp(node, 'constant') && 'value' in node.attrs ? node.attrs.value : node.op
}

function areEqual(other: Node, node: Node, inputs: readonly Tensor[]): boolean {
  return (
    other.op === node.op &&
    isSame(other.inputs, inputs) &&
    haveSameSpecs(other.outputs, node.outputs) &&
    sameAttrs(other, node)
  )
}

function isSame(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function haveSameSpecs(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as Tensor, b[i] as Tensor]
    if (x.dtype !== y.dtype || !sameShape(x.shape, y.shape)) return false
  }
  return true
}
