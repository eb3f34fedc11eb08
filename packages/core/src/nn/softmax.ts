/** Softmax as a named call. */

import { div, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { exp } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

/** softmax over the last axis: e^(x - max) / sum. Call `softmax`, input x, output y of the same shape. */
export const softmaxCall: CallDefinition = {
  name: 'softmax',
  body([x]) {
    const shifted = exp(sub(x as Tensor, reduceMax(x as Tensor, { axes: [-1], keepDims: true })))
    return [div(shifted, reduceSum(shifted, { axes: [-1], keepDims: true }))]
  },
  pullback({ outputs: [y], cotangents: [g] }) {
    if (g === undefined || y === undefined) return [undefined]
    return [mul(y, sub(g, reduceSum(mul(g, y), { axes: [-1], keepDims: true })))]
  },
}

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  return call(softmaxCall, [x], {})[0] as Tensor
}
