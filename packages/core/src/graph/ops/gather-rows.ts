/** Rows of a table by index: embeddings, and picking positions. */
import { EspalierError } from '../../errors.js'
import { sizeOf } from '../../shape.js'
import { indexError } from '../index-error.js'
import { applySingle, at, INDICES, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `gatherRows`: table (rows, ...rest), indices (any) -> (...indices, ...rest). Indices lie in [0, rows). */
export const gatherRowsRule: OpRule<'gatherRows'> = {
  infer([table, indices]) {
    if (table === undefined || indices === undefined || table.shape.length === 0) {
      throw new EspalierError('shape.mismatch', {
        what: 'gatherRows needs a table with rows, and indices',
        got: { table: table?.shape, indices: indices?.shape },
      })
    }
    requireDType(indices.dtype, INDICES, 'gatherRows (indices)')
    return [{ dtype: table.dtype, shape: [...indices.shape, ...table.shape.slice(1)] }]
  },
  reference(node, inputs, [y]) {
    const [table, indices] = [at(inputs, 0), at(inputs, 1)]
    const { shape } = at(node.inputs, 0)
    const width = sizeOf(shape.slice(1))
    for (let i = 0; i < indices.length; i++) {
      const row = checkedIndex(indices[i] as number, shape[0] as number, 'gatherRows')
      y?.set(table.subarray(row * width, (row + 1) * width), i * width)
    }
  },
}

/** Rows of the table: table (rows, ...rest), indices (any) -> (...indices, ...rest). */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  return applySingle('gatherRows', gatherRowsRule, [table, indices], {})
}

/** An index inside [0, size). Throws shape.mismatch otherwise. */
export function checkedIndex(index: number, size: number, operation: string): number {
  if (index < 0 || index >= size) throw indexError(operation, { index, size })
  return index
}
