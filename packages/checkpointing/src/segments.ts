/** The forward pass cut into segments: what is kept at their borders, and what lies between and may be made again. */
import { isOp, type Model, type Node, type Tensor } from '@espalier/core'
import { compareLevels, isInLayer, type Level, layerLevels } from './layer-levels.js'

/** How a forward pass is cut. */
export interface SegmentOptions {
  /** Layers of a segment. */
  readonly every: number
  /** Number of layers that are made again, counted from the first that gradients reach; the others keep all they make. */
  readonly layers: number
  /** Keeps sums inside a layer through which everything passes: the residual stream between its halves. */
  readonly keepsResiduals: boolean
}

/** A cut forward pass. Segments count from 0 in the order of the forward pass. */
export interface Segments {
  /** The segment of each node whose values may be made again. */
  readonly segmentOf: ReadonlyMap<Node, number>
  /** Values of such nodes that stay. */
  readonly kept: ReadonlySet<Tensor>
  /** All nodes that depend on what is fed and on parameters. */
  readonly activations: ReadonlySet<Node>
}

/** Cuts the forward pass whose nodes are `order`, sorted, and of which the backward reads the values in `read`. */
export function segments(
  order: readonly Node[],
  read: ReadonlySet<Tensor>,
  model: Model,
  options: SegmentOptions,
): Segments {
  const levels = layerLevels(order, model)
  const readers = readersOf(order, levels)
  const numbers = numbered(reached(levels, read, readers), options)
  const segmentOf = new Map<Node, number>()
  for (const [node, level] of levels) {
    const number = numbers.get(keyOf(level))
    if (number !== undefined) segmentOf.set(node, number)
  }
  const kept = new Set<Tensor>()
  for (const [node, own] of segmentOf)
    for (const x of node.outputs)
      if (readers.get(x)?.some((reader) => segmentOf.get(reader) !== own) === true) kept.add(x)
  if (options.keepsResiduals) for (const x of residuals(order, segmentOf, readers)) kept.add(x)
  return { segmentOf, kept, activations: new Set(levels.keys()) }
}

/** Levels that gradients reach: the backward reads a value of them that no other level does. What is frozen before them has nothing to make again. */
function reached(
  levels: ReadonlyMap<Node, Level>,
  read: ReadonlySet<Tensor>,
  readers: ReadonlyMap<Tensor, readonly Node[]>,
): readonly Level[] {
  const isOwn = (x: Tensor, level: Level) =>
    (readers.get(x) ?? []).every((reader) => compareLevels(levels.get(reader) as Level, level) === 0)
  return [...levels].flatMap(([node, level]) =>
    node.outputs.some((x) => read.has(x) && isOwn(x, level)) ? [level] : [],
  )
}

/** Numbers of segments by level, of those levels that are made again. */
function numbered(levels: readonly Level[], { every, layers }: SegmentOptions): ReadonlyMap<string, number> {
  const distinct = new Map(levels.filter(isInLayer).map((level) => [keyOf(level), level]))
  const sorted = [...distinct.values()].sort(compareLevels).slice(0, layers)
  const numbers = new Map<string, number>()
  let [segment, size] = [-1, 0]
  sorted.forEach((level, i) => {
    const isFull = size === every || sorted[i - 1]?.stack !== level.stack
    if (isFull) segment++
    size = isFull ? 1 : size + 1
    numbers.set(keyOf(level), segment)
  })
  return numbers
}

function keyOf({ stack, layer, pass }: Level): string {
  return `${stack}.${layer}.${pass}`
}

/** Nodes with a level that read each value. */
function readersOf(order: readonly Node[], levels: ReadonlyMap<Node, Level>): ReadonlyMap<Tensor, readonly Node[]> {
  const readers = new Map<Tensor, Node[]>()
  for (const node of order) {
    if (!levels.has(node)) continue
    for (const x of new Set(node.inputs)) {
      const known = readers.get(x)
      if (known === undefined) readers.set(x, [node])
      else known.push(node)
    }
  }
  return readers
}

/**
 * Sums within a segment that several nodes read and that everything later in the segment goes through: no other value from before them is
 * read behind them, but for what reaches many segments, such as an encoder's output.
 */
function residuals(
  order: readonly Node[],
  segmentOf: ReadonlyMap<Node, number>,
  readers: ReadonlyMap<Tensor, readonly Node[]>,
): Tensor[] {
  const place = new Map(order.map((node, i) => [node, i]))
  const bySegment = new Map<number, Node[]>()
  for (const node of order) {
    const segment = segmentOf.get(node)
    if (segment === undefined) continue
    const known = bySegment.get(segment)
    if (known === undefined) bySegment.set(segment, [node])
    else known.push(node)
  }
  const found: Tensor[] = []
  for (const [segment, nodes] of bySegment) {
    const within = (x: Tensor) => (readers.get(x) ?? []).filter((reader) => segmentOf.get(reader) === segment)
    const isElsewhere = (x: Tensor) => new Set((readers.get(x) ?? []).map((reader) => segmentOf.get(reader))).size > 1
    let reach = -1 // the last node of the segment that reads what was made so far, this node's own results left out
    const note = (x: Tensor) => {
      for (const reader of within(x)) reach = Math.max(reach, place.get(reader) as number)
    }
    for (const node of nodes) {
      for (const x of node.inputs)
        if (segmentOf.get(x.node) !== segment && segmentOf.has(x.node) && !isElsewhere(x)) note(x)
      const at = place.get(node) as number
      const [y] = node.outputs as readonly [Tensor]
      if (isOp(node, 'binary') && node.attrs.fn === 'add' && reach <= at && within(y).length > 1) found.push(y)
      for (const x of node.outputs) note(x)
    }
  }
  return found
}
