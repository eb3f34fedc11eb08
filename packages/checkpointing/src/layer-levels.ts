/** Where in its forward pass a model's graph stands: before its layers, in which of them, or after. */
import { isOp, type Model, moduleAt, type Node, namedModules, namedParameters } from '@espalier/core'

/** The place of a value in the forward pass. Later places are larger. */
export interface Level {
  /** Place among the model's stacks of layers; -1 before all. */
  readonly stack: number
  /** Index in the stack; half more where parameters of no layer are read behind that one. */
  readonly layer: number
  /** How often this layer's weights ran before, counted from 1: 1 unless layers share them. */
  readonly pass: number
}

/** Before all layers. */
export const BEFORE: Level = { stack: -1, layer: 0, pass: 0 }

/** Negative where a comes before b. */
export function compareLevels(a: Level, b: Level): number {
  return a.stack - b.stack || a.layer - b.layer || a.pass - b.pass
}

/** What nodes that no feed reaches are made of. */
interface Origin {
  /** The layer whose own parameters it is made of. */
  readonly layer?: { readonly stack: number; readonly layer: number }
  /** Made of parameters of no layer. */
  readonly isOutside: boolean
  readonly parameters: ReadonlySet<Node>
}

/**
 * The level of every node among `order` that depends on what is fed and on parameters; other nodes (tables of positions, masks, decoded
 * weights) have none. A node that reads a layer's parameters is in that layer, one that reads others behind a layer stands after it,
 * the rest where their inputs are. Parameters that several layers share say nothing.
 */
export function layerLevels(order: readonly Node[], model: Model): ReadonlyMap<Node, Level> {
  const owners = parameterOwners(model)
  const origins = new Map<Node, Origin>()
  const fed = new Set<Node>()
  const levels = new Map<Node, Level>()
  const anchors = new Map<string, Node>() // by layer: the parameter whose uses count its passes
  for (const node of order) {
    if (isOp(node, 'input')) {
      const owner = owners.get(node)
      if (owner !== undefined) origins.set(node, { ...owner, parameters: new Set([node]) })
      else if (node.attrs.slot === 'feed') fed.add(node)
      continue
    }
    const own = node.inputs.flatMap((x) => origins.get(x.node) ?? [])
    const active = node.inputs.some((x) => levels.has(x.node))
    const isFed = active || node.inputs.some((x) => fed.has(x.node))
    if (!isFed) {
      if (own.length > 0) origins.set(node, joined(own))
      continue
    }
    if (!active && own.length === 0) {
      fed.add(node)
      continue
    }
    levels.set(node, levelOf(highest(node, levels), joined(own), anchors))
  }
  return levels
}

function levelOf(before: Level, { layer, isOutside, parameters }: Origin, anchors: Map<string, Node>): Level {
  if (layer === undefined) return isOutside && isInLayer(before) ? { ...before, layer: before.layer + 0.5 } : before
  const key = `${layer.stack}.${layer.layer}`
  if (!anchors.has(key)) for (const parameter of parameters) anchors.set(key, anchors.get(key) ?? parameter)
  const isSame = before.stack === layer.stack && before.layer === layer.layer
  const starts = parameters.has(anchors.get(key) as Node)
  const own = { ...layer, pass: isSame ? before.pass + (starts ? 1 : 0) : 1 }
  return compareLevels(own, before) < 0 ? before : own
}

function highest(node: Node, levels: ReadonlyMap<Node, Level>): Level {
  return node.inputs.reduce((most, x) => {
    const level = levels.get(x.node) ?? BEFORE
    return compareLevels(level, most) > 0 ? level : most
  }, BEFORE)
}

function joined(origins: readonly Origin[]): Origin {
  const layer = origins.map((origin) => origin.layer).reduce((a, b) => later(a, b), undefined)
  const parameters = new Set(origins.flatMap((origin) => [...origin.parameters]))
  return {
    ...(layer === undefined ? {} : { layer }),
    isOutside: origins.some(({ isOutside }) => isOutside),
    parameters,
  }
}

function later(a: Origin['layer'], b: Origin['layer']): Origin['layer'] {
  if (a === undefined || b === undefined) return a ?? b
  return (a.stack - b.stack || a.layer - b.layer) < 0 ? b : a
}

/** Which layer each parameter's input belongs to. */
function parameterOwners(model: Model): ReadonlyMap<Node, Omit<Origin, 'parameters'>> {
  const owners = new Map<Node, Omit<Origin, 'parameters'>>()
  for (const { value } of namedParameters(model).values()) owners.set(value.node, { isOutside: true })
  model.layerPaths.forEach((path, stack) => {
    layersOf(model, path).forEach((module, layer) => {
      for (const { value } of namedParameters(module).values()) {
        const isShared = owners.get(value.node)?.isOutside === false
        owners.set(value.node, isShared ? { isOutside: false } : { layer: { stack, layer }, isOutside: false })
      }
    })
  })
  return owners
}

function layersOf(model: Model, path: string) {
  const paths = new Set(namedModules(model).map(({ path }) => path))
  const layers = []
  for (let i = 0; paths.has(`${path}.${i}`); i++) layers.push(moduleAt(model, `${path}.${i}`))
  return layers
}

/** Whether a value at this level is made within a layer. */
export function isInLayer({ stack, layer }: Level): boolean {
  return stack >= 0 && Number.isInteger(layer)
}
