/**
 * Named calls that ONNX Runtime has a kernel for, by their definitions. A call that is not here, or not accepted, is inlined by the
 * compiler.
 */
import {
  type CallAttributes,
  type CallDefinition,
  dequantizeFourBitCall,
  dropoutMaskCall,
  dropoutThreshold,
  geluCall,
  isOp,
  layerNormCall,
  type Node,
  type OpAttrs,
  rmsNormCall,
  ropeCall,
  sameShape,
  siluCall,
  sizeOf,
  softmaxCall,
  type Tensor,
} from '@espalier/core'
import { CONTRIB, type Emitter, type Value } from './emitter.js'
import { acceptsFourBit, emitFourBit } from './four-bit.js'

interface CallRule<A extends CallAttributes> {
  /** Whether the kernel covers this use. */
  accepts(inputs: readonly Tensor[], attributes: A): boolean
  emit(emitter: Emitter, inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: A): void
}

const inF32 = ([x]: readonly Tensor[]) => x !== undefined && x.dtype === 'f32' && x.shape.length > 0

const rules: ReadonlyMap<CallDefinition, CallRule<CallAttributes>> = new Map([
  rule(softmaxCall, {
    accepts: ([x]) => x !== undefined && (x.dtype === 'f32' || x.dtype === 'f64') && x.shape.length > 0,
    emit: (e, [x], [y]) => e.set(y as Tensor, e.one('Softmax', [e.full(x as Tensor)], { axis: { int: -1 } })),
  }),
  rule(siluCall, {
    accepts: inF32,
    emit: (e, [x], [y]) => {
      const { name, shape } = rowsIn(e, x as Tensor)
      e.set(y as Tensor, e.one('QuickGelu', [name], { alpha: { float: 1 } }, CONTRIB), shape)
    },
  }),
  rule(geluCall, {
    accepts: inF32,
    emit: (e, [x], [y], { approximate }) => {
      const { name, shape } = rowsIn(e, x as Tensor)
      e.set(y as Tensor, e.one('Gelu', [name], { approximate: { string: approximate } }), shape)
    },
  }),
  rule(rmsNormCall, {
    accepts: isNorm,
    emit(e, [x, weight], [y, inverse], { epsilon }) {
      const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } }
      const { name, shape } = rowsIn(e, x as Tensor)
      const [normal, deviation] = e.node('SimplifiedLayerNormalization', [name, e.full(weight as Tensor)], {
        attributes,
        outputs: 2,
      })
      e.set(y as Tensor, normal as string, shape)
      e.set(inverse as Tensor, deviation as string, [...shape.slice(0, -1), 1])
    },
  }),
  rule(layerNormCall, {
    accepts: isNorm,
    emit(e, [x, weight, bias], outputs, { epsilon }) {
      const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } }
      const { name, shape } = rowsIn(e, x as Tensor)
      const inputs = [name, e.full(weight as Tensor), e.full(bias as Tensor)]
      const names = e.node('LayerNormalization', inputs, { attributes, outputs: 3 })
      outputs.forEach((y, i) => {
        e.set(y, names[i] as string, i === 0 ? shape : [...shape.slice(0, -1), 1])
      })
    },
  }),
  rule(ropeCall, {
    accepts: ([x, cos]) =>
      x !== undefined && cos !== undefined && inF32([x]) && x.shape.length === 4 && cos.shape.length === 3,
    emit(e, [x, cos, sin], [y]) {
      const [batch, tokens, half] = (cos as Tensor).shape as readonly [number, number, number]
      const table = (t: Tensor) => e.reshaped(e.full(t), t.shape, [batch * tokens, half])
      // One row of angles for all: positions count from 0. One for each: row b begins at b * tokens.
      const positions =
        batch === 1
          ? e.list([0])
          : e.reshaped(e.list(Array.from({ length: batch * tokens }, (_, i) => i)), [batch * tokens], [batch, tokens])
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
  }),
  rule(dequantizeFourBitCall, {
    accepts: acceptsFourBit,
    emit: (e, inputs, [y], attributes) => emitFourBit(e, inputs, y as Tensor, attributes),
  }),
  rule(dropoutMaskCall, {
    accepts: ([seed]) => seed !== undefined && isOp(seed.node, 'input') && seed.node.attrs.slot === 'feed',
    emit(e, [seed], [y], { rate, site, shape }) {
      const { name } = (seed as Tensor).node.attrs as OpAttrs['input']
      const count = sizeOf(shape)
      const kept = e.mask({ seed: name, site, threshold: dropoutThreshold(rate), count })
      // One node from what lies there anyway: cheap enough to be made again in the backward.
      const inShape = e.reshaped(kept, [count], shape)
      e.set(y as Tensor, e.one('Where', [inShape, e.scalar('f32', 1 / (1 - rate)), e.scalar('f32', 0)]))
    },
  }),
])

/** Whether a call stays a call. */
export function keepsCall(node: Node<'call'>): boolean {
  return rules.get(node.attrs.definition)?.accepts(node.inputs, node.attrs.attributes) ?? false
}

/** Emits a call that `keepsCall` accepted. */
export function emitCall(e: Emitter, node: Node<'call'>): void {
  const { definition, attributes } = node.attrs
  rules.get(definition)?.emit(e, node.inputs, node.outputs, attributes)
}

// All of a tensor, in its own shape or as the matrix of its rows.
function rowsIn(e: Emitter, x: Tensor): Value {
  return e.isInRows(x) ? e.value(x) : { name: e.full(x), shape: x.shape }
}

/** An entry of the table: a rule gets the attributes of the definition that it is for. */
function rule<A extends CallAttributes>(
  definition: CallDefinition<A>,
  own: CallRule<A>,
): readonly [CallDefinition, CallRule<CallAttributes>] {
  return [definition, own]
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
