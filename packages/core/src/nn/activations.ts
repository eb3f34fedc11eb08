/** Activation functions as named calls with their derivatives. */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { lessEqual } from '../graph/ops/compare.js'
import { select } from '../graph/ops/select.js'
import { erf, exp, neg, sigmoid, tanh } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

const SQRT_HALF = Math.SQRT1_2
const INVERSE_SQRT_TWO_PI = 1 / Math.sqrt(2 * Math.PI)
const SQRT_TWO_OVER_PI = Math.sqrt(2 / Math.PI)
const CUBIC = 0.044715 // arXiv:1606.08415 §2, the tanh form

/** Call `silu`: x sigmoid(x). */
export const siluCall: CallDefinition = {
  name: 'silu',
  body: ([x]) => [mul(x as Tensor, sigmoid(x as Tensor))],
  pullback({ inputs: [x], outputs: [y], cotangents: [g] }) {
    if (g === undefined || x === undefined || y === undefined) return [undefined]
    const s = sigmoid(x)
    return [mul(g, add(s, mul(y, sub(1, s))))]
  },
}

/** Call `gelu`: x times the normal distribution's cumulative probability; `approximate` 'none' (erf) or 'tanh'. Source: arXiv:1606.08415. */
export const geluCall: CallDefinition<{ readonly approximate: 'none' | 'tanh' }> = {
  name: 'gelu',
  body([input], { approximate }) {
    const x = input as Tensor
    return [mul(mul(x, 0.5), add(approximate === 'none' ? erf(mul(x, SQRT_HALF)) : tanh(tanhArgument(x)), 1))]
  },
  pullback({ inputs: [x], cotangents: [g], attributes }) {
    if (g === undefined || x === undefined) return [undefined]
    if (attributes.approximate === 'none') {
      const cumulative = mul(add(erf(mul(x, SQRT_HALF)), 1), 0.5)
      const density = mul(exp(mul(neg(mul(x, x)), 0.5)), INVERSE_SQRT_TWO_PI)
      return [mul(g, add(cumulative, mul(x, density)))]
    }
    const t = tanh(tanhArgument(x))
    const slope = mul(add(mul(mul(x, x), 3 * CUBIC), 1), SQRT_TWO_OVER_PI)
    return [mul(g, add(mul(add(t, 1), 0.5), mul(mul(mul(x, 0.5), sub(1, mul(t, t))), slope)))]
  },
}

/** x sigmoid(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return call(siluCall, [x], {})[0] as Tensor
}

/** Gaussian error linear unit. */
export function gelu(x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor {
  return call(geluCall, [x], { approximate })[0] as Tensor
}

/** The larger of x and 0; its slope at 0 is 0, as in PyTorch, where `max` would give half. */
export function relu(x: Tensor): Tensor {
  return select(lessEqual(x, 0), 0, x)
}

function tanhArgument(x: Tensor): Tensor {
  return mul(add(x, mul(mul(x, mul(x, x)), CUBIC)), SQRT_TWO_OVER_PI)
}
