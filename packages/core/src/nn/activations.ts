/** Activation functions as named calls with their derivatives. Of f16 they are computed in f32, as PyTorch does: cubes overflow 65504 early. */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast, widened } from '../graph/ops/cast.js'
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
  body([input]) {
    const x = widened(input as Tensor)
    return [cast(mul(x, sigmoid(x)), (input as Tensor).dtype)]
  },
  pullback({ inputs: [input], outputs: [y], cotangents: [g] }) {
    if (g === undefined || input === undefined || y === undefined) return [undefined]
    const s = sigmoid(widened(input))
    return [cast(mul(widened(g), add(s, mul(widened(y), sub(1, s)))), input.dtype)]
  },
}

/** Call `gelu`: x times the normal distribution's cumulative probability; `approximate` 'none' (erf) or 'tanh'. Source: arXiv:1606.08415. */
export const geluCall: CallDefinition<{ readonly approximate: 'none' | 'tanh' }> = {
  name: 'gelu',
  body([input], { approximate }) {
    const x = widened(input as Tensor)
    const curve = approximate === 'none' ? erf(mul(x, SQRT_HALF)) : tanh(tanhArgument(x))
    return [cast(mul(mul(x, 0.5), add(curve, 1)), (input as Tensor).dtype)]
  },
  pullback({ inputs: [input], cotangents: [g], attributes }) {
    if (g === undefined || input === undefined) return [undefined]
    const slope = attributes.approximate === 'none' ? erfSlope(widened(input)) : tanhSlope(widened(input))
    return [cast(mul(widened(g), slope), input.dtype)]
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

function erfSlope(x: Tensor): Tensor {
  const cumulative = mul(add(erf(mul(x, SQRT_HALF)), 1), 0.5)
  const density = mul(exp(mul(neg(mul(x, x)), 0.5)), INVERSE_SQRT_TWO_PI)
  return add(cumulative, mul(x, density))
}

function tanhSlope(x: Tensor): Tensor {
  const t = tanh(tanhArgument(x))
  const slope = mul(add(mul(mul(x, x), 3 * CUBIC), 1), SQRT_TWO_OVER_PI)
  return add(mul(add(t, 1), 0.5), mul(mul(mul(x, 0.5), sub(1, mul(t, t))), slope))
}

function tanhArgument(x: Tensor): Tensor {
  return mul(add(x, mul(mul(x, mul(x, x)), CUBIC)), SQRT_TWO_OVER_PI)
}
