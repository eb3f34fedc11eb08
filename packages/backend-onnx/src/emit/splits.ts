/** Slices that cut a value into parts along one axis, found so that one kernel can make them all. */
import { isOp, type Node, type Tensor } from '@espalier/core'

/** Slices of one value, in the order of their places along the axis, that together are all of it. */
export interface Split {
  readonly axis: number
  readonly slices: readonly Node<'slice'>[]
}

/** All splits among the nodes, by each of their slices. */
export function splitsOf(nodes: readonly Node[]): ReadonlyMap<Node, Split> {
  const byValue = new Map<Tensor, Node<'slice'>[]>()
  for (const node of nodes) {
    if (!isOp(node, 'slice')) continue
    const x = node.inputs[0] as Tensor
    const known = byValue.get(x)
    if (known === undefined) byValue.set(x, [node])
    else known.push(node)
  }
  const splits = new Map<Node, Split>()
  for (const [x, slices] of byValue) {
    for (let axis = 0; slices.length > 1 && axis < x.shape.length; axis++) {
      const parts = slices.filter((node) => cutsAlong(node, x, axis)).sort((a, b) => start(a, axis) - start(b, axis))
      if (parts.length > 1 && tiles(parts, axis, x.shape[axis] as number))
        for (const part of parts) splits.set(part, { axis, slices: parts })
    }
  }
  return splits
}

function cutsAlong({ attrs: { starts, ends } }: Node<'slice'>, x: Tensor, axis: number): boolean {
  return x.shape.every((size, i) => (starts[i] === 0 && ends[i] === size) !== (i === axis))
}

function tiles(parts: readonly Node<'slice'>[], axis: number, size: number): boolean {
  let from = 0
  for (const part of parts) {
    if (start(part, axis) !== from) return false
    from = part.attrs.ends[axis] as number
  }
  return from === size
}

function start({ attrs }: Node<'slice'>, axis: number): number {
  return attrs.starts[axis] as number
}
