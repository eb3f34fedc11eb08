/** The forward pass cut into segments: what is kept at their borders, and what lies between and may be made again. */
import { EspalierError, type Model, matchesPath, type Node, type Tensor } from '@espalier/core'
import { keptProducts } from './kept-products.js'
import { compareLevels, isInLayer, type Level, layerLevels } from './layer-levels.js'
import { residuals } from './residuals.js'

/** How layers are cut into segments, and what stays of these. */
export interface SegmentOptions {
  /** Layers of a segment. */
  readonly every: number
  /** Which layers: so many, from the first that gradients reach on, or those whose paths match. */
  readonly layers: number | string | readonly string[]
  /** Keeps values inside a layer through which everything passes: the residual stream between its halves. */
  readonly keepsResiduals: boolean
  /** Keeps what is needed to make no product again. */
  readonly keepsProducts: boolean
}

/** A cut forward pass. Segments count from 0 in the order of the forward pass. */
export interface Segments {
  /** The segment of each node whose values may be made again. */
  readonly segmentOf: ReadonlyMap<Node, number>
  /** Values of such nodes that stay. */
  readonly kept: ReadonlySet<Tensor>
  /**
   * Those among them that the backward reads behind a barrier: what a backend computes from them in both passes, as the probabilities of
   * attention, it makes again and does not keep.
   */
  readonly gated: ReadonlySet<Tensor>
  /** All nodes that depend on what is fed and on parameters. */
  readonly activations: ReadonlySet<Node>
}

/**
 * Cuts the forward pass whose nodes are `order`, sorted, and of which the backward reads the values in `read`. Each of the options takes
 * its layers from those that the ones before it left; layers of none keep all they make. Throws config.value for a pattern that no layer matches.
 */
export function segments(
  order: readonly Node[],
  read: ReadonlySet<Tensor>,
  model: Model,
  options: readonly SegmentOptions[],
): Segments {
  const levels = layerLevels(order, model)
  const readers = readersOf(order, levels)
  const cut = numbered([...levels.values()], reached(levels, read, readers), model, options)
  const segmentOf = new Map<Node, number>()
  const members: Node[][] = []
  for (const [node, level] of levels) {
    const number = cut.numbers.get(keyOf(level))
    if (number === undefined) continue
    segmentOf.set(node, number)
    members[number] = [...(members[number] ?? []), node]
  }
  const kept = new Set<Tensor>()
  for (const [node, own] of segmentOf)
    for (const x of node.outputs)
      if (readers.get(x)?.some((reader) => segmentOf.get(reader) !== own) === true) kept.add(x)
  const gated = new Set<Tensor>()
  const place = new Map(order.map((node, i) => [node, i]))
  cut.options.forEach(({ keepsResiduals, keepsProducts }, segment) => {
    const nodes = members[segment] ?? []
    if (keepsResiduals) for (const x of residuals(nodes, { readers, levels, place })) kept.add(x)
    if (keepsProducts) for (const x of keptProducts(nodes, read, kept)) gated.add(x)
  })
  for (const x of gated) kept.add(x)
  return { segmentOf, kept, gated, activations: new Set(levels.keys()) }
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

interface Cut {
  /** Segments by level, of those levels that are made again. */
  readonly numbers: ReadonlyMap<string, number>
  /** By segment. */
  readonly options: readonly SegmentOptions[]
}

function numbered(
  all: readonly Level[],
  reached: readonly Level[],
  { layerPaths }: Model,
  options: readonly SegmentOptions[],
): Cut {
  const pathOf = ({ stack, layer }: Level) => `${layerPaths[stack]}.${layer}`
  const paths = new Set(all.filter(isInLayer).map(pathOf))
  for (const { layers } of options)
    if (typeof layers !== 'number' && ![...paths].some((path) => matchesPath(path, layers)))
      throw new EspalierError('config.value', {
        what: 'no layer has a path that matches',
        got: { layers, paths: [...paths] },
      })
  const distinct = new Map(reached.filter(isInLayer).map((level) => [keyOf(level), level]))
  const sorted = [...distinct.values()].sort(compareLevels)
  const room = options.map(({ layers }) => (typeof layers === 'number' ? layers : 0))
  const takes = (level: Level, { layers }: SegmentOptions, i: number) =>
    typeof layers === 'number' ? (room[i] as number)-- > 0 : matchesPath(pathOf(level), layers)
  const found: { readonly numbers: Map<string, number>; readonly options: SegmentOptions[] } = {
    numbers: new Map(),
    options: [],
  }
  let size = 0
  let before: { readonly level: Level; readonly taken: SegmentOptions | undefined } | undefined
  for (const level of sorted) {
    const taken = options.find((each, i) => takes(level, each, i))
    if (taken !== undefined) {
      const goesOn = before?.taken === taken && before.level.stack === level.stack && size < taken.every
      if (!goesOn) found.options.push(taken)
      size = goesOn ? size + 1 : 1
      found.numbers.set(keyOf(level), found.options.length - 1)
    }
    before = { level, taken }
  }
  return found
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
