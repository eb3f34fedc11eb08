/** Which values of a segment to keep so that no product has to be made again: the fewest bytes. */
import { byteSize, type Node, sizeOf, type Tensor } from '@espalier/core'
import { type Edge, minimumCut, SINK, SOURCE } from './minimum-cut.js'
import { nodeMultiplyAdds } from './multiply-adds.js'

/** Multiply-adds a value up to which a product costs about as much as a few passes over memory: a low-rank update, the scores of a head. */
const CHEAP = 128

const NEVER = Number.POSITIVE_INFINITY

/**
 * The values to keep of a segment with these nodes, beside those that are `kept` anyway, so that what is `read` can be made again without
 * its products. Norms, activations and sums are made again. A sum of two products is kept in their place: half the bytes.
 */
export function keptProducts(
  nodes: readonly Node[],
  read: ReadonlySet<Tensor>,
  kept: ReadonlySet<Tensor>,
): readonly Tensor[] {
  const values = nodes.flatMap((node) => node.outputs.filter((x) => !kept.has(x)))
  const place = new Map(values.map((x, i) => [x, 2 + 2 * i])) // the vertex where it is made; where it is read is the next
  const readAt = (x: Tensor) => {
    const vertex = place.get(x)
    return vertex === undefined ? [] : [vertex + 1]
  }
  const edges: Edge[] = []
  for (const node of nodes) {
    const made = node.outputs.flatMap((x) => place.get(x) ?? [])
    const sources = isProduct(node) ? [SOURCE] : node.inputs.flatMap((x) => readAt(x))
    for (const from of sources) for (const to of made) edges.push({ from, to, capacity: NEVER })
  }
  for (const [x, vertex] of place) {
    edges.push({ from: vertex, to: vertex + 1, capacity: sizeOf(x.shape) * byteSize(x.dtype) })
    if (read.has(x)) edges.push({ from: vertex + 1, to: SINK, capacity: NEVER })
  }
  const late = minimumCut(2 + 2 * values.length, edges)
  return values.filter((x) => {
    const vertex = place.get(x) as number
    return late.has(vertex + 1) && !late.has(vertex)
  })
}

function isProduct(node: Node): boolean {
  const size = node.outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  return nodeMultiplyAdds(node) > CHEAP * size
}
