/** Derivatives of the functions of one tensor. */
import type { UnaryFn } from '../../graph/op-attrs.js'
import { div, mul, sub } from '../../graph/ops/binary.js'
import { cos, exp, neg, sign, sin } from '../../graph/ops/unary.js'
import type { Tensor } from '../../graph/tensor.js'
import { single } from '../pullback.js'

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI)

/** g times the derivative at x, where y = f(x); undefined: the derivative is zero or does not exist. */
const derivatives: { readonly [F in UnaryFn]: ((g: Tensor, x: Tensor, y: Tensor) => Tensor) | undefined } = {
  neg: (g) => neg(g),
  abs: (g, x) => mul(g, sign(x)),
  exp: (g, _, y) => mul(g, y),
  log: (g, x) => div(g, x),
  sqrt: (g, _, y) => div(mul(g, 0.5), y),
  rsqrt: (g, _, y) => mul(mul(g, -0.5), mul(y, mul(y, y))),
  reciprocal: (g, _, y) => neg(mul(g, mul(y, y))),
  sin: (g, x) => mul(g, cos(x)),
  cos: (g, x) => neg(mul(g, sin(x))),
  tanh: (g, _, y) => mul(g, sub(1, mul(y, y))),
  sigmoid: (g, _, y) => mul(g, mul(y, sub(1, y))),
  erf: (g, x) => mul(g, mul(exp(neg(mul(x, x))), TWO_OVER_SQRT_PI)),
  floor: undefined,
  round: undefined,
  sign: undefined,
  not: undefined,
}

/** Pullback of `unary`. */
export const unaryPullback = single<'unary'>((g, node, [x]) => [
  derivatives[node.attrs.fn]?.(g, x, node.outputs[0] as Tensor),
])
