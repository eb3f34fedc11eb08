/** Common-subexpression removal: nodes with the same op, attributes, inputs and specs become one. Never across a barrier. */
import { attrsText, specsText } from '../graph/attrs-key.js'
import { rebuild, withInputs } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'
import { sameShape } from '../shape.js'

/** The graph with equal nodes merged. A barrier is never merged, so what is computed from its outputs stays apart. */
export function deduplicate(roots: readonly Tensor[]): Tensor[] {
  const known = new Map<number | string, Node[]>()
  return rebuild(roots, (node, inputs) => {
    if (node.op === 'barrier') return undefined
    const key = keyOf(node, inputs)
    const alike = known.get(key)
    const twin = inputs.length === 0 ? alike?.[0] : alike?.find((other) => areEqual(other, node, inputs))
    if (twin !== undefined) return twin.outputs
    const own = inputs.every((x, i) => x === node.inputs[i]) ? node : withInputs(node, inputs)
    if (alike === undefined) known.set(key, [own])
    else alike.push(own)
    return own.outputs
  })
}

// What nodes are sought by: all of it for leaves; for others numbers of their inputs, which are quicker to make than text. Few nodes share inputs.
function keyOf(node: Node, inputs: readonly Tensor[]): number | string {
  if (inputs.length === 0) return `${node.op}|${attrsText(node)}|${specsText(node)}`
  let hash = 17
  for (const x of inputs) hash = (Math.imul(hash, 31) + Math.imul(x.node.id, 7) + x.index) | 0
  return hash
}

function areEqual(other: Node, node: Node, inputs: readonly Tensor[]): boolean {
  return (
    other.op === node.op &&
    other.inputs.length === inputs.length &&
    inputs.every((x, i) => x === other.inputs[i]) &&
    other.outputs.length === node.outputs.length &&
    node.outputs.every(
      (x, i) => x.dtype === other.outputs[i]?.dtype && sameShape(x.shape, other.outputs[i]?.shape ?? []),
    ) &&
    haveEqualAttrs(other, node)
  )
}

function haveEqualAttrs(a: Node, b: Node): boolean {
  if (a.attrs === b.attrs) return true
  if (isOp(a, 'call') && isOp(b, 'call') && a.attrs.definition !== b.attrs.definition) return false
  return attrsText(a) === attrsText(b)
}
