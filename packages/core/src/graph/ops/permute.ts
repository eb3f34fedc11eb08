/** Axes in another order. */
import { EspalierError } from '../../errors.js'
import { stridesOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { copyStrided } from './strided.js'

/** Definition of `permute`: output axis i is input axis order[i]. */
export const permuteRule: OpRule<'permute'> = {
  infer([x], { order }) {
    if (
      x === undefined ||
      [...order].sort((a, b) => a - b).some((axis, i) => axis !== i) ||
      order.length !== x.shape.length
    ) {
      throw new EspalierError('shape.mismatch', {
        what: 'permute needs every axis once',
        got: { shape: x?.shape, order },
      })
    }
    return [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis] as number) }]
  },
  reference(node, inputs, [y]) {
    const strides = stridesOf(at(node.inputs, 0).shape)
    if (y !== undefined)
      copyStrided(
        at(inputs, 0),
        y,
        at(node.outputs, 0).shape,
        node.attrs.order.map((axis) => strides[axis] as number),
        0,
      )
  },
}

/** Axes in another order: output axis i is input axis order[i]. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  return order.length === x.shape.length && order.every((axis, i) => axis === i)
    ? x
    : applySingle('permute', permuteRule, [x], { order })
}

/** The last two axes swapped. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length
  return permute(
    x,
    x.shape.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis)),
  )
}
