/** Common-subexpression removal: nodes with the same op, attributes, inputs and specs become one. Never across a barrier. */
import { attrsText, specsText } from '../graph/attrs-key.js'
import type { CallDefinition } from '../graph/ops/call.js'
import { rebuild, withInputs } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'

/** The graph with equal nodes merged. A barrier is never merged, so what is computed from its outputs stays apart. */
export function deduplicate(roots: readonly Tensor[]): Tensor[] {
  const known = new Map<string, Node>()
  const numbers = new Map<object, number>()
  const numberOf = (value: object) => {
    const number = numbers.get(value) ?? numbers.size
    numbers.set(value, number)
    return number
  }
  return rebuild(roots, (node, inputs) => {
    if (node.op === 'barrier') return undefined
    const owner: CallDefinition | undefined = isOp(node, 'call') ? node.attrs.definition : undefined
    const key = `${node.op}|${owner === undefined ? '' : numberOf(owner)}|${attrsText(node)}|${specsText(node)}|${inputs.map((x) => `${numberOf(x.node)}.${x.index}`).join(',')}`
    const twin = known.get(key)
    if (twin !== undefined) return twin.outputs
    const own = inputs.every((x, i) => x === node.inputs[i]) ? node : withInputs(node, inputs)
    known.set(key, own)
    return own.outputs
  })
}
