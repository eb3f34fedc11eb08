/** The named calls that packed programs know, as steps. Others are inlined. */
import type { CallAttributes, Node, Tensor } from '@espalier/core'
import { sizeOf } from '@espalier/core'
import { NotPacked, type Planner } from './planner.js'

type Rule = (p: Planner, inputs: readonly Tensor[], y: Tensor, attributes: CallAttributes) => void

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['silu', (p, [x], y) => p.step('silu', { x: p.at(x as Tensor), y: p.make(y), count: sizeOf(y.shape) })],
  [
    'gelu',
    (p, [x], y, { approximate }) => {
      if (approximate !== 'tanh') throw new NotPacked('gelu by the error function')
      p.step('geluTanh', { x: p.at(x as Tensor), y: p.make(y), count: sizeOf(y.shape) })
    },
  ],
  [
    'rmsNorm',
    (p, [x, weight], y, { epsilon }) =>
      p.step('rmsNorm', { x: p.at(x as Tensor), weight: p.at(weight as Tensor), y: p.make(y), ...rowsOf(y), epsilon }),
  ],
  [
    'layerNorm',
    (p, [x, weight, bias], y, { epsilon }) =>
      p.step('layerNorm', {
        x: p.at(x as Tensor),
        weight: p.at(weight as Tensor),
        bias: p.at(bias as Tensor),
        y: p.make(y),
        ...rowsOf(y),
        epsilon,
      }),
  ],
  [
    'rope',
    (p, inputs, y) => {
      const [x, cos, sin] = inputs as readonly [Tensor, Tensor, Tensor]
      const [batch, heads, tokens, size] = y.shape as [number, number, number, number]
      if (tokens !== 1) throw new NotPacked('rope of several tokens')
      const angles = { cos: p.at(cos), sin: p.at(sin), perRow: cos.shape[0] !== 1 }
      p.step('rope', { x: p.at(x), ...angles, y: p.make(y), batch, heads, half: size / 2 })
    },
  ],
  [
    'cachedAttention',
    (p, inputs, y, { scale, window }) => {
      const [q, keys, values, newKeys, newValues, filled, keep] = inputs as readonly Tensor[] as Inputs
      const [batch, heads, tokens, size] = y.shape as [number, number, number, number]
      const [groups, slots] = [keys.shape[1] as number, keys.shape[2] as number]
      if (tokens !== 1) throw new NotPacked('attention of several tokens')
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
    },
  ],
])

type Inputs = readonly [
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  newKeys: Tensor,
  newValues: Tensor,
  filled: Tensor,
  keep: Tensor,
]

/** Whether a call stays a call: it is known, and nothing but its first output is used where it has several. */
export function keepsPackedCall(node: Node<'call'>): boolean {
  return rules.has(node.attrs.definition.name)
}

/** Adds the step of a kept call. */
export function callStep(p: Planner, node: Node<'call'>): void {
  rules.get(node.attrs.definition.name)?.(p, node.inputs, node.outputs[0] as Tensor, node.attrs.attributes)
}

function rowsOf(y: Tensor): { rows: number; size: number } {
  const size = y.shape.at(-1) as number
  return { rows: sizeOf(y.shape) / size, size }
}
