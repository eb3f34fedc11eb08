/** One element per index along an axis: logits at labels. */
import { EspalierError } from '../../errors.js'
import { normalizeAxis, sizeOf, stridesOf } from '../../shape.js'
import { applySingle, at, INDICES, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { checkedIndex } from './gather-rows.js'

/** Definition of `gatherAlong`: x and indices equal in shape but along the axis; the result has the shape of the indices. */
export const gatherAlongRule: OpRule<'gatherAlong'> = {
  infer([x, indices], { axis }) {
    if (
      x === undefined ||
      indices === undefined ||
      x.shape.length !== indices.shape.length ||
      x.shape.some((extent, i) => i !== axis && extent !== indices.shape[i])
    ) {
      throw new EspalierError('shape.mismatch', {
        what: 'gatherAlong needs equal shapes but for the axis',
        got: { axis, x: x?.shape, indices: indices?.shape },
      })
    }
    requireDType(indices.dtype, INDICES, 'gatherAlong (indices)')
    return [{ dtype: x.dtype, shape: indices.shape }]
  },
  reference(node, inputs, [y]) {
    const { axis } = node.attrs
    const [x, indices] = [at(inputs, 0), at(inputs, 1)]
    const { shape } = at(node.inputs, 0)
    const picked = at(node.inputs, 1).shape
    const stride = stridesOf(shape)[axis] as number
    const extent = shape[axis] as number
    const count = picked[axis] as number
    const inner = sizeOf(picked.slice(axis + 1))
    if (y === undefined) return
    for (let i = 0; i < indices.length; i++) {
      const outer = Math.floor(i / (count * inner))
      const index = checkedIndex(indices[i] as number, extent, 'gatherAlong')
      y[i] = x[(outer * extent + index) * stride + (i % inner)] as number
    }
  },
}

/** x at the indices along an axis; the result has the shape of the indices. */
export function gatherAlong(x: Tensor, indices: Tensor, axis: number): Tensor {
  return applySingle('gatherAlong', gatherAlongRule, [x, indices], {
    axis: normalizeAxis(axis, x.shape.length, 'gatherAlong'),
  })
}
