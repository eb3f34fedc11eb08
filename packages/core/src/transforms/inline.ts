/** Replacing named calls by their bodies, except those that a backend runs itself. */
import { expandCall } from '../graph/ops/call.js'
import { rebuild, withInputs } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'

/** The graph with every call inlined, nested ones too, except those that `keep` accepts. */
export function inlineCalls(roots: readonly Tensor[], keep: (node: Node<'call'>) => boolean = () => false): Tensor[] {
  return rebuild(roots, (node, inputs) => {
    if (!isOp(node, 'call')) return undefined
    if (keep(node)) return undefined
    return inlineCalls(expandCall(withInputs(node as unknown as Node, inputs) as unknown as Node<'call'>), keep)
  })
}
