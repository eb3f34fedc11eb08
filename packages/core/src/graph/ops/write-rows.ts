/** Setting a run of entries along an axis at a run-time position: key/value caches. */
import { EspalierError } from '../../errors.js'
import { normalizeAxis, sizeOf } from '../../shape.js'
import { indexError } from '../index-error.js'
import { applySingle, at, INDICES, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `writeRows`: buffer with rows written at [start, start + count) along the axis; start is a scalar in [0, extent - count], of any value where count is 0. */
export const writeRowsRule: OpRule<'writeRows'> = {
  infer([buffer, start, rows], { axis }) {
    const fits =
      buffer !== undefined &&
      start !== undefined &&
      rows !== undefined &&
      buffer.dtype === rows.dtype &&
      start.shape.length === 0 &&
      rows.shape.length === buffer.shape.length &&
      buffer.shape.every((extent, i) => (i === axis ? (rows.shape[i] as number) <= extent : rows.shape[i] === extent))
    if (!fits) {
      throw new EspalierError('shape.mismatch', {
        what: 'writeRows needs rows of the buffer’s shape but for the axis, and a scalar start',
        got: { axis, buffer: buffer?.shape, rows: rows?.shape, start: start?.shape },
      })
    }
    requireDType(start.dtype, INDICES, 'writeRows (start)')
    return [{ dtype: buffer.dtype, shape: buffer.shape }]
  },
  reference(node, inputs, [y]) {
    const { axis } = node.attrs
    const [buffer, start, rows] = [at(inputs, 0), at(inputs, 1)[0] as number, at(inputs, 2)]
    const { shape } = at(node.inputs, 0)
    const count = at(node.inputs, 2).shape[axis] as number
    const extent = shape[axis] as number
    if (count > 0 && (start < 0 || start + count > extent)) throw indexError('writeRows', { start, count, extent })
    const inner = sizeOf(shape.slice(axis + 1))
    y?.set(buffer)
    for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
      y?.set(rows.subarray(outer * count * inner, (outer + 1) * count * inner), (outer * extent + start) * inner)
    }
  },
}

/** The buffer with rows set (not added) at [start, start + count) along an axis. */
export function writeRows(buffer: Tensor, start: Tensor, rows: Tensor, axis: number): Tensor {
  return applySingle('writeRows', writeRowsRule, [buffer, start, rows], {
    axis: normalizeAxis(axis, buffer.shape.length, 'writeRows'),
  })
}
