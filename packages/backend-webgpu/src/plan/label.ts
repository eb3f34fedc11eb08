/** A node in a word, for prints and errors. */
import { isOp, type Node } from '@espalier/core'

/** The function of a node that has one, else its op. */
export function labelOf(node: Node): string {
  if (isOp(node, 'unary') || isOp(node, 'binary') || isOp(node, 'compare')) return node.attrs.fn
  return isOp(node, 'reduce') ? `reduce.${node.attrs.fn}` : node.op
}
