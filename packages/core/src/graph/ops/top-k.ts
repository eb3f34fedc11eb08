/** The k largest entries along the last axis. */
import { EspalierError } from '../../errors.js'
import { applyOp, at, FLOATS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/**
 * Definition of `topK`: values, largest first, and their i32 indices. Of equal entries, infinities too, the one with the lowest index
 * comes first. A row with NaN has no order: what is found in it is not defined, and whoever may have one checks before.
 */
export const topKRule: OpRule<'topK'> = {
  infer([x], { k }) {
    const extent = x?.shape[x.shape.length - 1]
    if (x === undefined || extent === undefined || k > extent || k < 0) {
      throw new EspalierError('shape.mismatch', {
        what: 'topK needs k from 0 to the size of the last axis',
        got: { shape: x?.shape, k },
      })
    }
    requireDType(x.dtype, FLOATS, 'topK')
    const shape = [...x.shape.slice(0, -1), k]
    return [
      { dtype: x.dtype, shape },
      { dtype: 'i32', shape },
    ]
  },
  reference(node, inputs, [values, indices]) {
    const x = at(inputs, 0)
    const { k } = node.attrs
    const extent = at(node.inputs, 0).shape.at(-1) as number
    if (values === undefined || indices === undefined || extent === 0) return
    for (let row = 0; row < x.length / extent; row++) {
      const order = Array.from({ length: extent }, (_, i) => i)
      order.sort((a, b) => (x[row * extent + b] as number) - (x[row * extent + a] as number) || a - b)
      for (let i = 0; i < k; i++) {
        indices[row * k + i] = order[i] as number
        values[row * k + i] = x[row * extent + (order[i] as number)] as number
      }
    }
  },
}

/** The k largest entries along the last axis, largest first, and their i32 indices; ties go to the lowest index. */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const [values, indices] = applyOp('topK', topKRule, [x], { k })
  return { values: values as Tensor, indices: indices as Tensor }
}
