/** A tensor with a border of one value. */
import { EspalierError } from '../../errors.js'
import { sizeOf, stridesOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `pad`. */
export const padRule: OpRule<'pad'> = {
  infer([x], { before, after }) {
    if (
      x === undefined ||
      before.length !== x.shape.length ||
      after.length !== x.shape.length ||
      [...before, ...after].some((count) => count < 0)
    ) {
      throw new EspalierError('shape.mismatch', {
        what: 'pad needs a count from 0 on before and after each axis',
        got: { shape: x?.shape, before, after },
      })
    }
    return [
      {
        dtype: x.dtype,
        shape: x.shape.map((extent, axis) => extent + (before[axis] as number) + (after[axis] as number)),
      },
    ]
  },
  reference(node, inputs, [y]) {
    const x = at(inputs, 0)
    const { shape } = at(node.inputs, 0)
    const { before, value } = node.attrs
    const outStrides = stridesOf(at(node.outputs, 0).shape)
    const strides = stridesOf(shape)
    if (y === undefined) return
    y.fill(value)
    for (let i = 0; i < sizeOf(shape); i++) {
      let rest = i
      let to = 0
      for (let axis = 0; axis < shape.length; axis++) {
        const index = Math.floor(rest / (strides[axis] as number))
        rest -= index * (strides[axis] as number)
        to += (index + (before[axis] as number)) * (outStrides[axis] as number)
      }
      y[to] = x[i] as number
    }
  },
}

/** The tensor with `before[i]` and `after[i]` entries of a value added around axis i. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  return [...before, ...after].every((count) => count === 0)
    ? x
    : applySingle('pad', padRule, [x], { before, after, value })
}
