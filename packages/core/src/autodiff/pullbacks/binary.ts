/** Derivatives of the functions of two tensors, summed back over broadcast axes. */
import type { BinaryFn } from '../../graph/op-attrs.js'
import { div, mul, pow, sub } from '../../graph/ops/binary.js'
import { equal, greater, less } from '../../graph/ops/compare.js'
import { select } from '../../graph/ops/select.js'
import { log, neg } from '../../graph/ops/unary.js'
import type { Tensor } from '../../graph/tensor.js'
import { isFloat } from '../../dtype.js'
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
  pow: { a: (g, a, b) => mul(g, mul(b, pow(a, sub(b, 1)))), b: (g, a, _, y) => mul(g, mul(y, log(a))) },
  max: { a: (g, a, b) => half(g, a, b, greater(a, b)), b: (g, a, b) => half(g, a, b, less(a, b)) },
  min: { a: (g, a, b) => half(g, a, b, less(a, b)), b: (g, a, b) => half(g, a, b, greater(a, b)) },
  rem: undefined,
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
