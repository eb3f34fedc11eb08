/** Rotary position embedding as a named call. Tables of angles come from the model, which knows its scaling. */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { concat } from '../graph/ops/concat.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { neg } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

/**
 * Call `rope`: inputs x (batch, heads, tokens, size), cos and sin (batch or 1, tokens, size / 2); rotates the pair (i, i + size / 2).
 * Cotangents reach x only: positions do not train. Source: arXiv:2104.09864 §3.4, halves as in transformers' Llama.
 */
export const ropeCall: CallDefinition = {
  name: 'rope',
  body([x, cos, sin]) {
    const [input, c, s] = [x as Tensor, perHead(cos as Tensor), perHead(sin as Tensor)]
    const size = input.shape[3] as number
    const [first, second] = [sliceAxis(input, 3, 0, size / 2), sliceAxis(input, 3, size / 2, size)]
    return [concat([sub(mul(first, c), mul(second, s)), add(mul(second, c), mul(first, s))], 3)]
  },
  pullback({ inputs: [, cos, sin], cotangents: [g] }) {
    if (g === undefined || cos === undefined || sin === undefined) return [undefined, undefined, undefined]
    return [rope(g, cos, neg(sin)), undefined, undefined]
  },
}

/** x (batch, heads, tokens, size) rotated by the angles whose cosines and sines are given, (batch or 1, tokens, size / 2), in x's dtype. */
export function rope(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  return call(ropeCall, [x, cast(cos, x.dtype), cast(sin, x.dtype)], {})[0] as Tensor
}

function perHead(table: Tensor): Tensor {
  return reshape(table, [table.shape[0] as number, 1, table.shape[1] as number, table.shape[2] as number])
}
