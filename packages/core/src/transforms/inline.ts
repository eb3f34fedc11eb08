/** Replacing named calls by their bodies, except those that a backend runs itself. */
import { expandCall } from '../graph/ops/call.js'
import { rebuild } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'

/** The graph with every call inlined, nested ones too, except those that `keep` accepts. */
export function inlineCalls(roots: readonly Tensor[], keep: (node: Node<'call'>) => boolean = () => false): Tensor[] {
  return inlineAbove(roots, keep)
}

// A body is walked down to the call's inputs and no further: what lies below is done, and walking it again for every call would
// cost calls x nodes.
function inlineAbove(
  roots: readonly Tensor[],
  keep: (node: Node<'call'>) => boolean,
  stop?: ReadonlySet<Tensor>,
): Tensor[] {
  return rebuild(
    roots,
    (node, inputs) => {
      if (!isOp(node, 'call') || keep(node)) return undefined
      const body = expandCall({ inputs, attrs: node.attrs })
      return inlineAbove(body, keep, new Set(inputs))
    },
    stop,
  )
}
