/**
 * Bodies of calls, traced once for all calls of one definition with equal attributes and specs: the layers of a model repeat. A call's own
 * body is then a copy over its inputs, without shape rules.
 */
import type { Spec } from '../../dtype.js'
import { sameShape } from '../../shape.js'
import { sameValue } from '../same-attrs.js'
import { createNode, type Node, type Tensor, topologicalOrder } from '../tensor.js'
import type { CallAttributes, CallDefinition } from './call.js'
import { input } from './input.js'

/** A body over placeholder inputs, which are named by their number. */
export interface TracedBody {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attributes: CallAttributes
  /** Nodes to copy, each after its inputs: those that depend on the inputs, and barriers, which are never shared. */
  readonly copied: readonly Node[]
}

const MOST = 32 // of a definition; a run uses a few shapes

const known = new WeakMap<CallDefinition, TracedBody[]>()

/** The body of a definition for inputs of these specs; the same object for the same question, as long as it is among the latest. */
export function tracedBody(
  definition: CallDefinition,
  inputs: readonly Spec[],
  attributes: CallAttributes,
): TracedBody {
  const bodies = known.get(definition) ?? []
  known.set(definition, bodies)
  const at = bodies.findIndex((body) => haveSpecs(body.inputs, inputs) && sameValue(body.attributes, attributes))
  const [found] = at < 0 ? [traced(definition, inputs, attributes)] : bodies.splice(at, 1)
  bodies.unshift(found as TracedBody)
  if (bodies.length > MOST) bodies.pop()
  return found as TracedBody
}

/** The body's outputs over other inputs of the same specs. */
export function copyOf({ inputs, outputs, copied }: TracedBody, own: readonly Tensor[]): Tensor[] {
  const copies = new Map<Tensor, Tensor>(inputs.map((placeholder, i) => [placeholder, own[i] as Tensor]))
  const copyOrSame = (x: Tensor) => copies.get(x) ?? x
  for (const node of copied) {
    const copy = createNode(node.op, node.inputs.map(copyOrSame), node.attrs, node.outputs)
    for (let i = 0; i < copy.outputs.length; i++) copies.set(node.outputs[i] as Tensor, copy.outputs[i] as Tensor)
  }
  return outputs.map(copyOrSame)
}

function traced(definition: CallDefinition, specs: readonly Spec[], attributes: CallAttributes): TracedBody {
  const inputs = specs.map(({ dtype, shape }, i) => input('feed', String(i), dtype, shape))
  const outputs = definition.body(inputs, attributes)
  const own = new Set<Node>(inputs.map(({ node }) => node))
  const copied = topologicalOrder(outputs).filter((node) => {
    const depends = !own.has(node) && (node.op === 'barrier' || node.inputs.some((x) => own.has(x.node)))
    if (depends) own.add(node)
    return depends
  })
  return { inputs, outputs, attributes, copied }
}

function haveSpecs(a: readonly Spec[], b: readonly Spec[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ dtype, shape }, i) => dtype === b[i]?.dtype && sameShape(shape, (b[i] as Spec).shape))
  )
}
