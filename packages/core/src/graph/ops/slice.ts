/** A block of a tensor. */
import { EspalierError } from '../../errors.js'
import { normalizeAxis, stridesOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { copyStrided } from './strided.js'

/** Definition of `slice`: from starts to ends (not included) along every axis. */
export const sliceRule: OpRule<'slice'> = {
  infer([x], { starts, ends }) {
    const fits =
      x !== undefined &&
      starts.length === x.shape.length &&
      ends.length === x.shape.length &&
      x.shape.every(
        (extent, axis) =>
          (starts[axis] as number) >= 0 &&
          (starts[axis] as number) <= (ends[axis] as number) &&
          (ends[axis] as number) <= extent,
      )
    if (!fits)
      throw new EspalierError('shape.mismatch', {
        what: 'the slice lies outside the tensor',
        got: { shape: x?.shape, starts, ends },
      })
    return [{ dtype: x.dtype, shape: starts.map((start, axis) => (ends[axis] as number) - start) }]
  },
  reference(node, inputs, [y]) {
    const strides = stridesOf(at(node.inputs, 0).shape)
    const offset = node.attrs.starts.reduce((sum, start, axis) => sum + start * (strides[axis] as number), 0)
    if (y !== undefined) copyStrided(at(inputs, 0), y, at(node.outputs, 0).shape, strides, offset)
  },
}

/** The block from starts to ends (not included) along every axis. */
export function slice(x: Tensor, starts: readonly number[], ends: readonly number[]): Tensor {
  const whole =
    starts.every((start, axis) => start === 0 && ends[axis] === x.shape[axis]) && starts.length === x.shape.length
  return whole ? x : applySingle('slice', sliceRule, [x], { starts, ends })
}

/** The part from start to end (not included) along one axis. */
export function sliceAxis(x: Tensor, axis: number, start: number, end: number): Tensor {
  const own = normalizeAxis(axis, x.shape.length, 'slice')
  return slice(
    x,
    x.shape.map((_, i) => (i === own ? start : 0)),
    x.shape.map((extent, i) => (i === own ? end : extent)),
  )
}
