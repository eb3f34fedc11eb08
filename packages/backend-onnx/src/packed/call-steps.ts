/** The named calls that packed programs know, by their definitions, as steps. Others are inlined. */
import {
  type CallAttributes,
  type CallDefinition,
  cachedAttentionCall,
  geluCall,
  layerNormCall,
  type Node,
  rmsNormCall,
  ropeCall,
  siluCall,
  sizeOf,
  type Tensor,
} from '@espalier/core'
import { NotPacked, type Planner } from './planner.js'

type CallStep<A extends CallAttributes> = (p: Planner, inputs: readonly Tensor[], y: Tensor, attributes: A) => void

const rules: ReadonlyMap<CallDefinition, CallStep<CallAttributes>> = new Map([
  rule(siluCall, (p, [x], y) => p.step('silu', { x: p.at(x as Tensor), y: p.make(y), count: sizeOf(y.shape) })),
  rule(geluCall, (p, [x], y, { approximate }) => {
    if (approximate !== 'tanh') throw new NotPacked('gelu by the error function')
    p.step('geluTanh', { x: p.at(x as Tensor), y: p.make(y), count: sizeOf(y.shape) })
  }),
  rule(rmsNormCall, (p, [x, weight], y, { epsilon }) =>
    p.step('rmsNorm', { x: p.at(x as Tensor), weight: p.at(weight as Tensor), y: p.make(y), ...rowsOf(y), epsilon }),
  ),
  rule(layerNormCall, (p, [x, weight, bias], y, { epsilon }) =>
    p.step('layerNorm', {
      x: p.at(x as Tensor),
      weight: p.at(weight as Tensor),
      bias: p.at(bias as Tensor),
      y: p.make(y),
      ...rowsOf(y),
      epsilon,
    }),
  ),
  rule(ropeCall, (p, inputs, y) => {
    const [x, cos, sin] = inputs as readonly [Tensor, Tensor, Tensor]
    const [batch, heads, tokens, size] = y.shape as [number, number, number, number]
    if (tokens !== 1) throw new NotPacked('rope of several tokens')
    const angles = { cos: p.at(cos), sin: p.at(sin), perRow: cos.shape[0] !== 1 }
    p.step('rope', { x: p.at(x), ...angles, y: p.make(y), batch, heads, half: size / 2 })
  }),
  rule(cachedAttentionCall, (p, inputs, y, { scale, window, softCap, extras }) => {
    const [q, keys, values, newKeys, newValues, filled, keep] = inputs as readonly Tensor[] as Inputs
    const [batch, heads, tokens, size] = y.shape as [number, number, number, number]
    const [groups, slots] = [keys.shape[1] as number, keys.shape[2] as number]
    if (tokens !== 1) throw new NotPacked('attention of several tokens')
    if (softCap !== undefined || extras.length > 0) throw new NotPacked('attention with a cap, a bias or sinks')
    p.step('attention', {
      q: p.at(q),
      keys: p.at(keys),
      values: p.at(values),
      newKeys: p.at(newKeys),
      newValues: p.at(newValues),
      filled: p.at(filled),
      keep: p.at(keep),
      scores: p.room(batch * heads * (slots + 4)) /* scores are written four at a time */,
      y: p.make(y),
      ...{ batch, heads, groups, slots, size, scale, window },
    })
  }),
])

/** An entry of the table: a rule gets the attributes of the definition that it is for. */
function rule<A extends CallAttributes>(
  definition: CallDefinition<A>,
  step: CallStep<A>,
): readonly [CallDefinition, CallStep<CallAttributes>] {
  return [definition, step as CallStep<CallAttributes>]
}

type Inputs = readonly [
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  newKeys: Tensor,
  newValues: Tensor,
  filled: Tensor,
  keep: Tensor,
]

/** Whether a call stays a call. Its step makes the first output alone. */
export function keepsPackedCall(node: Node<'call'>): boolean {
  return rules.has(node.attrs.definition)
}

/** Adds the step of a kept call. */
export function callStep(p: Planner, node: Node<'call'>): void {
  const { definition, attributes } = node.attrs
  rules.get(definition)?.(p, node.inputs, node.outputs[0] as Tensor, attributes)
}

function rowsOf(y: Tensor): { rows: number; size: number } {
  const size = y.shape.at(-1) as number
  return { rows: sizeOf(y.shape) / size, size }
}
