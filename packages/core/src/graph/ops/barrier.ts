/** Values that are not computed before others exist: recomputation and decoding of weights need it. */
import { EspalierError } from '../../errors.js'
import { applyOp, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/**
 * Definition of `barrier`: outputs are the first `count` inputs, unchanged; the rest only have to be finished before. Common
 * subexpressions are never merged across it, and every backend keeps its order.
 */
export const barrierRule: OpRule<'barrier'> = {
  infer(inputs, { count }) {
    if (count < 1 || count > inputs.length)
      throw new EspalierError('graph.invalid', {
        what: 'barrier passes at least one of its inputs',
        got: { count, inputs: inputs.length },
      })
    return inputs.slice(0, count)
  },
  reference(_, inputs, outputs) {
    for (const [i, y] of outputs.entries()) y.set(at(inputs, i))
  },
}

/** The values, to be used only after all of `after` is computed. */
export function barrier(values: readonly Tensor[], after: readonly Tensor[]): readonly Tensor[] {
  return applyOp('barrier', barrierRule, [...values, ...after], { count: values.length })
}
