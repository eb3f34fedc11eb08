/** Rows added into a table of zeros by index: the transpose of gatherRows. */
import { EspalierError } from '../../errors.js'
import { sameShape, sizeOf } from '../../shape.js'
import { applySingle, at, FLOATS, INDICES, INTEGERS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { checkedIndex } from './gather-rows.js'

/** Definition of `scatterAddRows`: indices (any), updates (...indices, ...rest) -> (rows, ...rest). Repeated indices add up. */
export const scatterAddRowsRule: OpRule<'scatterAddRows'> = {
  infer([indices, updates], { rows }) {
    if (
      indices === undefined ||
      updates === undefined ||
      !sameShape(updates.shape.slice(0, indices.shape.length), indices.shape)
    ) {
      throw new EspalierError('shape.mismatch', {
        what: 'scatterAddRows needs one update per index',
        got: { indices: indices?.shape, updates: updates?.shape },
      })
    }
    requireDType(indices.dtype, INDICES, 'scatterAddRows (indices)')
    requireDType(updates.dtype, [...FLOATS, ...INTEGERS], 'scatterAddRows (updates)')
    return [{ dtype: updates.dtype, shape: [rows, ...updates.shape.slice(indices.shape.length)] }]
  },
  reference(node, inputs, [y]) {
    const [indices, updates] = [at(inputs, 0), at(inputs, 1)]
    const { shape } = at(node.outputs, 0)
    const width = sizeOf(shape.slice(1))
    if (y === undefined) return
    for (let i = 0; i < indices.length; i++) {
      const row = checkedIndex(indices[i] as number, node.attrs.rows, 'scatterAddRows')
      for (let j = 0; j < width; j++)
        y[row * width + j] = (y[row * width + j] as number) + (updates[i * width + j] as number)
    }
  },
}

/** A table of `rows` rows of zeros with the updates added at the indices. */
export function scatterAddRows(indices: Tensor, updates: Tensor, rows: number): Tensor {
  return applySingle('scatterAddRows', scatterAddRowsRule, [indices, updates], { rows })
}
