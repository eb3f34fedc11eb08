/** What a pullback rule is: cotangents of an op's inputs from those of its outputs, built from ops, so it differentiates again. */
import type { OpName } from '../graph/op-attrs.js'
import { add } from '../graph/ops/binary.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import type { Node, Tensor } from '../graph/tensor.js'
import { type Shape, sameShape } from '../shape.js'

/** Cotangents of the inputs, in order; undefined where none flows. `cotangents` has one entry per output, undefined where unused. */
export type Pullback<K extends OpName> = (
  node: Node<K>,
  cotangents: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[]

/** A rule for ops with one output: it is called only with a cotangent. */
export function single<K extends OpName>(
  rule: (g: Tensor, node: Node<K>, inputs: readonly [Tensor, Tensor, Tensor]) => readonly (Tensor | undefined)[],
): Pullback<K> {
  return (node, [g]) =>
    g === undefined
      ? node.inputs.map(() => undefined)
      : rule(g, node, node.inputs as unknown as readonly [Tensor, Tensor, Tensor])
}

/** A cotangent of a broadcast value summed back to the value's shape. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g
  const offset = g.shape.length - shape.length
  const axes = g.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < offset || (shape[axis - offset] === 1 && g.shape[axis] !== 1))
  return reshape(reduceSum(g, { axes, keepDims: true }), shape)
}

/** The sum of two cotangents, either of which may be missing. */
export function accumulate(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  return a === undefined ? b : b === undefined ? a : add(a, b)
}
