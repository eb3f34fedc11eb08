/** A graph as text, one node a line; stable, so that snapshots can be read and compared. */
import { attrsText, specsText } from './attrs-key.js'
import { type Node, type Tensor, topologicalOrder } from './tensor.js'

/** The nodes that the roots depend on, numbered from %0, then a line with the roots. */
export function printGraph(roots: readonly Tensor[]): string {
  const names = new Map<Node, number>()
  const name = (x: Tensor) => `%${names.get(x.node)}${x.node.outputs.length > 1 ? `.${x.index}` : ''}`
  const lines = topologicalOrder(roots).map((node, i) => {
    names.set(node, i)
    const attrs = attrsText(node)
    return `%${i} = ${node.op}(${node.inputs.map(name).join(', ')})${attrs === '' ? '' : ` ${attrs}`} : ${specsText(node)}`
  })
  return [...lines, `return ${roots.map(name).join(', ')}`].join('\n')
}
