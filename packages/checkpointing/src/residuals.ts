/** Where the residual stream is between the halves of a layer. */
import { isOp, type Node, type Tensor } from '@espalier/core'
import type { Level } from './layer-levels.js'

/** The forward pass around a segment. */
export interface Surroundings {
  readonly readers: ReadonlyMap<Tensor, readonly Node[]>
  readonly levels: ReadonlyMap<Node, Level>
  /** Of each node in the order of the forward. */
  readonly place: ReadonlyMap<Node, number>
}

/**
 * Sums within a segment, whose nodes come sorted, that everything later goes through: no other value from before them is read behind them,
 * but for what reaches many segments, such as an encoder's output. The one between attention and MLP; where norms follow sums, both that are normed.
 */
export function residuals(nodes: readonly Node[], { readers, levels, place }: Surroundings): readonly Tensor[] {
  const own = new Set(nodes)
  const readersWithin = (x: Tensor) => (readers.get(x) ?? []).filter((reader) => own.has(reader))
  const isOfThis = (x: Tensor) => (readers.get(x) ?? []).every((reader) => own.has(reader))
  const found: Tensor[] = []
  let reach = -1 // the last node of the segment that reads what was made so far, this node's own results left out
  const note = (x: Tensor) => {
    for (const reader of readersWithin(x)) reach = Math.max(reach, place.get(reader) as number)
  }
  for (const node of nodes) {
    for (const x of node.inputs) if (!own.has(x.node) && levels.has(x.node) && isOfThis(x)) note(x)
    const isSum = isOp(node, 'binary') && node.attrs.fn === 'add' && node.inputs.every((x) => levels.has(x.node))
    if (isSum && reach <= (place.get(node) as number)) found.push(...node.outputs)
    for (const x of node.outputs) note(x)
  }
  return found
}
