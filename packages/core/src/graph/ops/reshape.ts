/** The same elements in another shape. */
import { EspalierError } from '../../errors.js'
import { checkShape, type Shape, sameShape, sizeOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `reshape`. */
export const reshapeRule: OpRule<'reshape'> = {
  infer([x], _, declared) {
    const to = at(declared, 0)
    checkShape(to.shape, 'reshape')
    if (x === undefined || sizeOf(x.shape) !== sizeOf(to.shape)) {
      throw new EspalierError('shape.mismatch', {
        what: 'reshape keeps the number of elements',
        got: { from: x?.shape, to: to.shape },
      })
    }
    return [{ dtype: x.dtype, shape: to.shape }]
  },
  reference(_, inputs, [y]) {
    y?.set(at(inputs, 0))
  },
}

/** The same elements, row-major, in another shape; one size may be -1, which is worked out. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((size, extent) => (extent === -1 ? size : size * extent), 1)
  const full = shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent))
  return sameShape(x.shape, full) ? x : applySingle('reshape', reshapeRule, [x], {}, [{ dtype: x.dtype, shape: full }])
}
