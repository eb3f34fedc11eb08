/** Choosing between two tensors by a bool tensor, broadcast. */
import { EspalierError } from '../../errors.js'
import { broadcastShapes } from '../../shape.js'
import { applySingle, at, type OpRule, requireDType } from '../op-rule.js'
import type { Node, Tensor } from '../tensor.js'
import { type Operand, operands } from './binary.js'
import { inputOffsets } from './pairs.js'

/** Definition of `select`: inputs condition, whenTrue, whenFalse. */
export const selectRule: OpRule<'select'> = {
  infer([condition, a, b]) {
    if (condition === undefined || a === undefined || b === undefined)
      throw new EspalierError('graph.invalid', { what: 'select needs three inputs' })
    requireDType(condition.dtype, ['bool'], 'select (condition)')
    if (a.dtype !== b.dtype) {
      throw new EspalierError('dtype.mismatch', {
        what: 'select needs two tensors of one dtype',
        got: { a: a.dtype, b: b.dtype },
      })
    }
    const values = broadcastShapes(a.shape, b.shape, 'select')
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, values, 'select') }]
  },
  reference(node, inputs, [y]) {
    const [ofCondition, ofA, ofB] = inputOffsets(node as unknown as Node) as [Int32Array, Int32Array, Int32Array]
    const [condition, a, b] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    if (y === undefined) return
    for (let i = 0; i < y.length; i++) {
      y[i] = (condition[ofCondition[i] as number] ? a[ofA[i] as number] : b[ofB[i] as number]) as number
    }
  },
}

/** whenTrue where the condition holds, whenFalse elsewhere. */
export function select(condition: Tensor, whenTrue: Operand, whenFalse: Operand): Tensor {
  return applySingle('select', selectRule, [condition, ...operands(whenTrue, whenFalse)], {})
}
