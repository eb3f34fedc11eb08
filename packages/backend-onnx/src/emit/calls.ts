/** Named calls that ONNX Runtime has a kernel for. A call that is not here, or not accepted, is inlined by the compiler. */
import {
  type CallAttributes,
  isOp,
  type Node,
  type OpAttrs,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
} from '@espalier/core'
import { CONTRIB, type Emitter } from './emitter.js'

interface CallRule {
  /** Whether the kernel covers this use. */
  accepts(inputs: readonly Tensor[], attributes: CallAttributes): boolean
  emit(emitter: Emitter, inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: CallAttributes): void
}

const inF32 = ([x]: readonly Tensor[]) => x !== undefined && x.dtype === 'f32' && x.shape.length > 0

const rules: ReadonlyMap<string, CallRule> = new Map<string, CallRule>([
  [
    'softmax',
    {
      accepts: ([x]) => x !== undefined && (x.dtype === 'f32' || x.dtype === 'f64') && x.shape.length > 0,
      emit: (e, [x], [y]) => e.set(y as Tensor, e.one('Softmax', [e.full(x as Tensor)], { axis: { int: -1 } })),
    },
  ],
  [
    'silu',
    {
      accepts: inF32,
      emit: (e, [x], [y]) =>
        e.set(y as Tensor, e.one('QuickGelu', [e.full(x as Tensor)], { alpha: { float: 1 } }, CONTRIB)),
    },
  ],
  [
    'gelu',
    {
      accepts: inF32,
      emit: (e, [x], [y], { approximate }) =>
        e.set(
          y as Tensor,
          e.one('Gelu', [e.full(x as Tensor)], { approximate: { string: approximate === 'tanh' ? 'tanh' : 'none' } }),
        ),
    },
  ],
  [
    'rmsNorm',
    {
      accepts: isNorm,
      emit(e, [x, weight], [y, inverse], { epsilon }) {
        const attributes = { axis: { int: -1 }, epsilon: { float: epsilon as number }, stash_type: { int: 1 } }
        const [normal, deviation] = e.node(
          'SimplifiedLayerNormalization',
          [e.full(x as Tensor), e.full(weight as Tensor)],
          { attributes, outputs: 2 },
        )
        e.set(y as Tensor, normal as string)
        e.set(inverse as Tensor, deviation as string)
      },
    },
  ],
  [
    'layerNorm',
    {
      accepts: isNorm,
      emit(e, [x, weight, bias], outputs, { epsilon }) {
        const attributes = { axis: { int: -1 }, epsilon: { float: epsilon as number }, stash_type: { int: 1 } }
        const inputs = [x, weight, bias].map((input) => e.full(input as Tensor))
        const names = e.node('LayerNormalization', inputs, { attributes, outputs: 3 })
        outputs.forEach((y, i) => {
          e.set(y, names[i] as string)
        })
      },
    },
  ],
  [
    'rope',
    {
      accepts: ([x, cos]) =>
        x !== undefined && cos !== undefined && inF32([x]) && x.shape.length === 4 && cos.shape.length === 3,
      emit(e, [x, cos, sin], [y]) {
        const [batch, tokens, half] = (cos as Tensor).shape as readonly [number, number, number]
        const table = (t: Tensor) => e.reshaped(e.full(t), [batch * tokens, half])
        // One row of angles for all: positions count from 0. One for each: row b begins at b * tokens.
        const positions =
          batch === 1
            ? e.list([0])
            : e.reshaped(e.list(Array.from({ length: batch * tokens }, (_, i) => i)), [batch, tokens])
        e.set(
          y as Tensor,
          e.one(
            'RotaryEmbedding',
            [e.full(x as Tensor), positions, table(cos as Tensor), table(sin as Tensor)],
            {},
            CONTRIB,
          ),
        )
      },
    },
  ],
  [
    'dropoutMask',
    {
      accepts: ([seed]) => seed !== undefined && isOp(seed.node, 'input') && seed.node.attrs.slot === 'feed',
      emit(e, [seed], [y], { rate, site, shape }) {
        const { name } = (seed as Tensor).node.attrs as OpAttrs['input']
        const count = sizeOf(shape as Shape)
        const kept = e.mask({
          seed: name,
          site: site as number,
          threshold: Math.min(Math.round((rate as number) * 2 ** 32), 2 ** 32 - 1),
          count,
        })
        // One node from what lies there anyway: cheap enough to be made again in the backward.
        const inShape = e.reshaped(kept, shape as Shape)
        e.set(y as Tensor, e.one('Where', [inShape, e.scalar('f32', 1 / (1 - (rate as number))), e.scalar('f32', 0)]))
      },
    },
  ],
])

/** Whether a call stays a call. */
export function keepsCall(node: Node<'call'>): boolean {
  const { definition, attributes } = node.attrs
  return rules.get(definition.name)?.accepts(node.inputs, attributes) ?? false
}

/** Emits a call that `keepsCall` accepted. */
export function emitCall(e: Emitter, node: Node<'call'>): void {
  rules.get(node.attrs.definition.name)?.emit(e, node.inputs, node.outputs, node.attrs.attributes)
}

function isNorm(inputs: readonly Tensor[]): boolean {
  const [x, ...rest] = inputs
  return (
    x !== undefined &&
    inF32(inputs) &&
    x.shape.length > 1 &&
    rest.every((row) => sameShape(row.shape, x.shape.slice(-1)))
  )
}
