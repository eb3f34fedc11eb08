/** Pullback of the matrix product: two matrix products, transposed as the flags say, summed back over broadcast batches. */
import { matmul } from '../../graph/ops/matmul.js'
import { single, sumTo } from '../pullback.js'

/** Pullback of `matmul`. */
export const matmulPullback = single<'matmul'>((g, node, [a, b]) => {
  const { transposeA, transposeB } = node.attrs
  const da = transposeA
    ? matmul(b, g, { transposeA: transposeB, transposeB: true })
    : matmul(g, b, { transposeB: !transposeB })
  const db = transposeB
    ? matmul(g, a, { transposeA: true, transposeB: transposeA })
    : matmul(a, g, { transposeA: !transposeA })
  return [sumTo(da, a.shape), sumTo(db, b.shape)]
})
