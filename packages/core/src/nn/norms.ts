/** Normalisations as named calls, with their statistics as outputs so that pullbacks need not compute them again. */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { reduceMean, reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { rsqrt } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

type NormAttributes = { readonly epsilon: number }
const rows = { axes: [-1], keepDims: true } as const

/** Call `rmsNorm`: inputs x (..., size), weight (size); outputs y = x / rms(x) * weight, and 1 / rms (..., 1). Source: arXiv:1910.07467 §4. */
export const rmsNormCall: CallDefinition<NormAttributes> = {
  name: 'rmsNorm',
  body([x, weight], { epsilon }) {
    const inverse = rsqrt(add(reduceMean(mul(x as Tensor, x as Tensor), rows), epsilon))
    return [mul(mul(x as Tensor, inverse), weight as Tensor), inverse]
  },
  pullback({ inputs: [x, weight], outputs: [, inverse], cotangents: [g, ofStatistics] }) {
    if (ofStatistics !== undefined) return undefined
    if (g === undefined || x === undefined || weight === undefined || inverse === undefined)
      return [undefined, undefined]
    const weighted = mul(g, weight)
    const slope = mul(mul(inverse, inverse), reduceMean(mul(weighted, x), rows)) // (..., 1)
    return [mul(inverse, sub(weighted, mul(x, slope))), sumToRow(mul(g, mul(x, inverse)), weight)]
  },
}

/** Call `layerNorm`: inputs x (..., size), weight and bias (size); outputs y, mean (..., 1) and 1 / deviation (..., 1). Source: arXiv:1607.06450. */
export const layerNormCall: CallDefinition<NormAttributes> = {
  name: 'layerNorm',
  body([x, weight, bias], { epsilon }) {
    const mean = reduceMean(x as Tensor, rows)
    const centred = sub(x as Tensor, mean)
    const inverse = rsqrt(add(reduceMean(mul(centred, centred), rows), epsilon))
    return [add(mul(mul(centred, inverse), weight as Tensor), bias as Tensor), mean, inverse]
  },
  pullback({ inputs: [x, weight, bias], outputs: [, mean, inverse], cotangents: [g, ...ofStatistics] }) {
    if (ofStatistics.some((one) => one !== undefined)) return undefined
    if (
      g === undefined ||
      x === undefined ||
      weight === undefined ||
      bias === undefined ||
      mean === undefined ||
      inverse === undefined
    ) {
      return [undefined, undefined, undefined]
    }
    const normal = mul(sub(x, mean), inverse)
    const weighted = mul(g, weight)
    const slope = reduceMean(mul(weighted, normal), rows)
    const dx = mul(inverse, sub(sub(weighted, reduceMean(weighted, rows)), mul(normal, slope)))
    return [dx, sumToRow(mul(g, normal), weight), sumToRow(g, bias)]
  },
}

/** x / rms(x) * weight over the last axis. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return call(rmsNormCall, [x, weight], { epsilon })[0] as Tensor
}

/** (x - mean) / deviation * weight + bias over the last axis. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return call(layerNormCall, [x, weight, bias], { epsilon })[0] as Tensor
}

function sumToRow(g: Tensor, row: Tensor): Tensor {
  return reshape(reduceSum(reshape(g, [-1, row.shape[0] as number]), { axes: [0] }), row.shape)
}
