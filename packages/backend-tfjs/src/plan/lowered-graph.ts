/** A program's graph as its steps follow it, and the memory that these take. */
import {
  createNode,
  dropoutMaskCall,
  inlineCalls,
  isOp,
  lifetimes,
  memoryOwners,
  type Node,
  type Program,
  programRoots,
  rebuild,
  simplify,
  type Tensor,
  topologicalOrder,
} from '@espalier/core'
import { heldBytes } from '../host-values.js'
import { keepsCall } from '../ops/calls.js'
import type { TfNamespace } from '../tf-namespace.js'
import { lowerProducts } from './lower-products.js'

/** The roots with calls inlined, but for those that have steps of their own, and everything written as tfjs is fast at. */
export function loweredRoots(tf: TfNamespace, program: Program): Tensor[] {
  return masksAnew(lowerProducts(tf, simplify(inlineCalls(programRoots(program), keepsCall))))
}

/**
 * Bytes of values alive at once, while the steps run in order and a value goes after its last use. Weights and state are left out, what kernels
 * take for themselves is not known.
 */
export function loweredBytes(tf: TfNamespace, program: Program): number {
  const roots = loweredRoots(tf, program)
  const order = topologicalOrder(roots)
  const changes = new Float64Array(order.length + 2) // of the bytes alive, by place; results go after the end
  for (const [x, { from, to }] of lifetimes(order, roots, memoryOwners(order))) {
    const { node } = x
    if (isOp(node, 'input') && node.attrs.slot !== 'feed') continue
    changes[from + 1] = (changes[from + 1] as number) + heldBytes(x)
    if (to + 2 < changes.length) changes[to + 2] = (changes[to + 2] as number) - heldBytes(x)
  }
  let [live, most] = [0, 0]
  for (const change of changes) {
    live += change
    most = Math.max(most, live)
  }
  return most
}

/** The graph with a mask of dropout for each use: it is made from the seed in less time than a product takes, and need not lie in memory from the forward pass to the backward. */
function masksAnew(roots: readonly Tensor[]): Tensor[] {
  const used = new Set<Node>()
  return rebuild(roots, (node, inputs) => {
    const own = inputs.map((x) => {
      if (!isOp(x.node, 'call') || x.node.attrs.definition !== dropoutMaskCall) return x
      if (used.has(x.node)) return again(x)
      used.add(x.node)
      return x
    })
    return own.every((x, i) => x === inputs[i]) ? undefined : createNode(node.op, own, node.attrs, node.outputs).outputs
  })
}

function again({ node, index }: Tensor): Tensor {
  return createNode(node.op, node.inputs, node.attrs, node.outputs).outputs[index] as Tensor
}
