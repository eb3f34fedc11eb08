/** Comparisons of two tensors, element by element, broadcast; the result is bool. */
import { EspalierError } from '../../errors.js'
import { broadcastShapes } from '../../shape.js'
import type { CompareFn } from '../op-attrs.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'
import { type Operand, operands } from './binary.js'
import { forEachPair } from './pairs.js'
import { not } from './unary.js'

/** Each comparison's meaning. */
export const compareFns: { readonly [F in CompareFn]: (a: number, b: number) => boolean } = {
  equal: (a, b) => a === b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
}

/** Definition of `compare`. */
export const compareRule: OpRule<'compare'> = {
  infer([a, b], { fn }) {
    if (a === undefined || b === undefined) throw new EspalierError('graph.invalid', { what: `${fn} needs two inputs` })
    if (a.dtype !== b.dtype) {
      throw new EspalierError('dtype.mismatch', {
        what: `${fn} needs two tensors of one dtype`,
        got: { a: a.dtype, b: b.dtype },
      })
    }
    return [{ dtype: 'bool', shape: broadcastShapes(a.shape, b.shape, fn) }]
  },
  reference(node, inputs, [y]) {
    const [a, b] = [at(inputs, 0), at(inputs, 1)]
    const apply = compareFns[node.attrs.fn]
    if (y !== undefined)
      forEachPair(node, (i, j, k) => {
        y[k] = apply(a[i] as number, b[j] as number) ? 1 : 0
      })
  },
}

function compare(fn: CompareFn) {
  return (a: Operand, b: Operand): Tensor => applySingle('compare', compareRule, operands(a, b), { fn })
}

/** a = b. */
export const equal = compare('equal')
/** a < b. */
export const less = compare('less')
/** a <= b. */
export const lessEqual = compare('lessEqual')
/** a > b. */
export const greater = (a: Operand, b: Operand): Tensor => less(b, a)
/** a >= b. */
export const greaterEqual = (a: Operand, b: Operand): Tensor => lessEqual(b, a)
/** a differs from b. */
export const notEqual = (a: Operand, b: Operand): Tensor => not(equal(a, b))
