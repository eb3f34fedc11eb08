/** Derivatives of the functions of two tensors, summed back over broadcast axes. */

import { isFloat } from '../../dtype.js'
import type { BinaryFn } from '../../graph/op-attrs.js'
import { and, div, mul, pow, sub } from '../../graph/ops/binary.js'
import { equal, greater, greaterEqual, less } from '../../graph/ops/compare.js'
import { filledWith } from '../../graph/ops/constant.js'
import { select } from '../../graph/ops/select.js'
import { log, neg, round } from '../../graph/ops/unary.js'
import type { Tensor } from '../../graph/tensor.js'
import { single, sumTo } from '../pullback.js'

type Partial = (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor
interface Partials {
  readonly a: Partial
  readonly b: Partial
}

// At ties of max and min each side gets half, as in PyTorch.
const half = (g: Tensor, a: Tensor, b: Tensor, wins: Tensor) => select(wins, g, select(equal(a, b), mul(g, 0.5), 0))

const partials: { readonly [F in BinaryFn]: Partials | undefined } = {
  add: { a: (g) => g, b: (g) => g },
  sub: { a: (g) => g, b: (g) => neg(g) },
  mul: { a: (g, _, b) => mul(g, b), b: (g, a) => mul(g, a) },
  div: { a: (g, _, b) => div(g, b), b: (g, _, b, y) => neg(div(mul(g, y), b)) },
  pow: { a: powByBase, b: powByExponent },
  max: { a: (g, a, b) => half(g, a, b, greater(a, b)), b: (g, a, b) => half(g, a, b, less(a, b)) },
  min: { a: (g, a, b) => half(g, a, b, less(a, b)), b: (g, a, b) => half(g, a, b, greater(a, b)) },
  // y = a - b * trunc(a / b)
  rem: { a: (g) => g, b: (g, a, b, y) => neg(mul(g, round(div(sub(a, y), b)))) },
  and: undefined,
  or: undefined,
  xor: undefined,
  shiftLeft: undefined,
  shiftRight: undefined,
}

/** Pullback of `binary`. */
export const binaryPullback = single<'binary'>((g, node, [a, b]) => {
  const rules = partials[node.attrs.fn]
  const y = node.outputs[0] as Tensor
  if (rules === undefined || !isFloat(a.dtype)) return [undefined, undefined]
  return [sumTo(rules.a(g, a, b, y), a.shape), sumTo(rules.b(g, a, b, y), b.shape)]
})

// x^0 is 1 everywhere, so its slope is 0 also at x = 0, where b x^(b-1) is 0 times infinity.
function powByBase(g: Tensor, a: Tensor, b: Tensor): Tensor {
  const slope = mul(b, pow(a, sub(b, 1)))
  const exponent = filledWith(b)
  return mul(g, exponent !== undefined && exponent !== 0 ? slope : select(equal(b, 0), 0, slope))
}

// 0^b stays 0 as b moves, so the slope is 0 and not 0 times log 0.
function powByExponent(g: Tensor, a: Tensor, b: Tensor, y: Tensor): Tensor {
  return mul(g, select(and(equal(a, 0), greaterEqual(b, 0)), 0, mul(y, log(a))))
}
