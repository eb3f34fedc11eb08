/** Softmax as a named call. */

import { div, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast, widened } from '../graph/ops/cast.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { exp } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

/** softmax over the last axis: e^(x - max) / sum. Call `softmax`, input x, output y of the same shape and dtype; f16 is computed in f32. */
export const softmaxCall: CallDefinition = {
  name: 'softmax',
  body([input]) {
    const x = widened(input as Tensor)
    const shifted = exp(sub(x, reduceMax(x, { axes: [-1], keepDims: true })))
    return [cast(div(shifted, reduceSum(shifted, { axes: [-1], keepDims: true })), (input as Tensor).dtype)]
  },
  pullback({ outputs: [output], cotangents: [ofOutput] }) {
    if (ofOutput === undefined || output === undefined) return [undefined]
    const [y, g] = [widened(output), widened(ofOutput)]
    return [cast(mul(y, sub(g, reduceSum(mul(g, y), { axes: [-1], keepDims: true }))), output.dtype)]
  },
}

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  return call(softmaxCall, [x], {})[0] as Tensor
}
