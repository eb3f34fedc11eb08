/** Products with one of several matrices for each block of rows, as a named call: what a mixture of experts costs. */
import { barrier } from '../graph/ops/barrier.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { matmul } from '../graph/ops/matmul.js'
import { scatterAddRows } from '../graph/ops/scatter-add-rows.js'
import type { Tensor } from '../graph/tensor.js'

/** Constants: whether the matrices are read with their axes swapped, (experts, columns, inner). */
export interface ExpertMatmulAttributes extends Readonly<Record<string, unknown>> {
  readonly transposed: boolean
}

/**
 * Call `expertMatmul`: inputs x (blocks, rows, inner), matrices (experts, inner, columns) or transposed, and of each block its expert
 * (blocks), i32; output (blocks, rows, columns). The backward picks the matrices again, so that no copy waits for it.
 */
export const expertMatmulCall: CallDefinition<ExpertMatmulAttributes> = {
  name: 'expertMatmul',
  body([x, matrices, experts], { transposed }) {
    return [matmul(x as Tensor, gatherRows(matrices as Tensor, experts as Tensor), { transposeB: transposed })]
  },
  pullback({ inputs: [x, matrices, experts], attributes: { transposed }, cotangents: [g] }) {
    if (g === undefined || x === undefined || matrices === undefined || experts === undefined) return []
    const [later] = barrier([experts], [g]) as [Tensor]
    const [left, right] = transposed ? [g, x] : [x, g]
    return [
      expertMatmul(g, matrices, later, { transposed: !transposed }),
      scatterAddRows(experts, matmul(left, right, { transposeA: true }), matrices.shape[0] as number),
      undefined,
    ]
  },
}

/** Each block of rows times its expert's matrix. Shapes as in `expertMatmulCall`. */
export function expertMatmul(
  x: Tensor,
  matrices: Tensor,
  experts: Tensor,
  options: { readonly transposed?: boolean } = {},
): Tensor {
  return call(expertMatmulCall, [x, matrices, experts], { transposed: options.transposed ?? false })[0] as Tensor
}
