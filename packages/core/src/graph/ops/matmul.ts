/** Matrix products over the last two axes; leading axes broadcast. */
import { EspalierError } from '../../errors.js'
import { broadcastShapes, broadcastStrides, sizeOf } from '../../shape.js'
import { applySingle, at, FLOATS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `matmul`: (..., m, k) x (..., k, n) -> (..., m, n); a flag reads a side with its last two axes swapped. */
export const matmulRule: OpRule<'matmul'> = {
  infer([a, b], { transposeA, transposeB }) {
    if (a === undefined || b === undefined)
      throw new EspalierError('graph.invalid', { what: 'matmul needs two inputs' })
    if (a.dtype !== b.dtype) {
      throw new EspalierError('dtype.mismatch', {
        what: 'matmul needs two tensors of one dtype',
        got: { a: a.dtype, b: b.dtype },
      })
    }
    requireDType(a.dtype, FLOATS, 'matmul')
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new EspalierError('shape.mismatch', {
        what: 'matmul needs two axes or more on both sides',
        got: { a: a.shape, b: b.shape },
      })
    }
    const [m, k] = matrix(a.shape, transposeA)
    const [inner, n] = matrix(b.shape, transposeB)
    if (k !== inner) {
      throw new EspalierError('shape.mismatch', {
        what: 'matmul needs equal inner sizes',
        got: { a: a.shape, b: b.shape, transposeA, transposeB },
      })
    }
    return [{ dtype: a.dtype, shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul'), m, n] }]
  },
  reference(node, inputs, [y]) {
    const [a, b] = [at(node.inputs, 0), at(node.inputs, 1)]
    const [x, w] = [at(inputs, 0), at(inputs, 1)]
    const { transposeA, transposeB } = node.attrs
    const [m, k] = matrix(a.shape, transposeA)
    const n = matrix(b.shape, transposeB)[1]
    const [rowA, columnA] = transposeA ? [1, m] : [k, 1]
    const [rowB, columnB] = transposeB ? [1, k] : [n, 1]
    const batch = at(node.outputs, 0).shape.slice(0, -2)
    const offsetsA = batchOffsets(a.shape.slice(0, -2), batch, m * k)
    const offsetsB = batchOffsets(b.shape.slice(0, -2), batch, k * n)
    if (y === undefined) return
    for (let p = 0; p < offsetsA.length; p++) {
      const startA = offsetsA[p] as number
      const startB = offsetsB[p] as number
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0
          let atA = startA + i * rowA
          let atB = startB + j * columnB
          for (let l = 0; l < k; l++, atA += columnA, atB += rowB) sum += (x[atA] as number) * (w[atB] as number)
          y[(p * m + i) * n + j] = sum
        }
      }
    }
  },
}

/** The matrix product; options read a side with its last two axes swapped. */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
): Tensor {
  const { transposeA = false, transposeB = false } = options
  return applySingle('matmul', matmulRule, [a, b], { transposeA, transposeB })
}

function matrix(shape: readonly number[], transposed: boolean): [number, number] {
  const [rows, columns] = [shape[shape.length - 2] as number, shape[shape.length - 1] as number]
  return transposed ? [columns, rows] : [rows, columns]
}

function batchOffsets(own: readonly number[], batch: readonly number[], matrixSize: number): number[] {
  const strides = broadcastStrides(own, batch)
  return Array.from({ length: sizeOf(batch) }, (_, index) => {
    let rest = index
    let offset = 0
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const extent = batch[axis] as number
      offset += (rest % extent) * (strides[axis] as number)
      rest = Math.floor(rest / extent)
    }
    return offset * matrixSize
  })
}
