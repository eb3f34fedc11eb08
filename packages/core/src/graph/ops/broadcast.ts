/** Repeating a tensor along axes of size 1 or new leading axes. Element-wise ops broadcast by themselves; this makes it explicit. */
import { EspalierError } from '../../errors.js'
import { broadcastShapes, broadcastStrides, type Shape, sameShape } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { copyStrided } from './strided.js'

/** Definition of `broadcast`. */
export const broadcastRule: OpRule<'broadcast'> = {
  infer([x], _, declared) {
    const to = at(declared, 0)
    if (x === undefined || !sameShape(broadcastShapes(x.shape, to.shape, 'broadcast'), to.shape)) {
      throw new EspalierError('shape.mismatch', {
        what: 'the tensor cannot be broadcast to this shape',
        got: { from: x?.shape, to: to.shape },
      })
    }
    return [{ dtype: x.dtype, shape: to.shape }]
  },
  reference(node, inputs, [y]) {
    const { shape } = at(node.outputs, 0)
    if (y !== undefined) copyStrided(at(inputs, 0), y, shape, broadcastStrides(at(node.inputs, 0).shape, shape), 0)
  },
}

/** The tensor repeated to a shape. */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applySingle('broadcast', broadcastRule, [x], {}, [{ dtype: x.dtype, shape }])
}
