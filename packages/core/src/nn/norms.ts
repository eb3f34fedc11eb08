/**
 * Normalisations as named calls, with their statistics as outputs so that pullbacks need not compute them again. Of f16 activations both
 * are computed in f32, as PyTorch does: a sum of squares overflows 65504 early.
 */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast, widened } from '../graph/ops/cast.js'
import { reduceMean, reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { rsqrt } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

type NormAttributes = { readonly epsilon: number }
const rows = { axes: [-1], keepDims: true } as const

/** Call `rmsNorm`: inputs x (..., size), weight (size); outputs y = x / rms(x) * weight as x, and 1 / rms (..., 1). Source: arXiv:1910.07467 §4. */
export const rmsNormCall: CallDefinition<NormAttributes> = {
  name: 'rmsNorm',
  body([input, row], { epsilon }) {
    const [x, weight] = [widened(input as Tensor), widened(row as Tensor)]
    const inverse = rsqrt(add(reduceMean(mul(x, x), rows), epsilon))
    return [cast(mul(mul(x, inverse), weight), (input as Tensor).dtype), inverse]
  },
  pullback({ inputs: [input, row], outputs: [, inverse], cotangents: [ofOutput, ofStatistics] }) {
    if (ofStatistics !== undefined) return undefined
    if (ofOutput === undefined || input === undefined || row === undefined || inverse === undefined)
      return [undefined, undefined]
    const [x, weight, g] = [widened(input), widened(row), widened(ofOutput)]
    const weighted = mul(g, weight)
    const slope = mul(mul(inverse, inverse), reduceMean(mul(weighted, x), rows)) // (..., 1)
    const dx = mul(inverse, sub(weighted, mul(x, slope)))
    return [cast(dx, input.dtype), cast(sumToRow(mul(g, mul(x, inverse)), row), row.dtype)]
  },
}

/** Call `layerNorm`: inputs x (..., size), weight and bias (size); outputs y as x, mean (..., 1) and 1 / deviation (..., 1). Source: arXiv:1607.06450. */
export const layerNormCall: CallDefinition<NormAttributes> = {
  name: 'layerNorm',
  body([input, ...affine], { epsilon }) {
    const x = widened(input as Tensor)
    const [weight, bias] = affine.map(widened) as [Tensor, Tensor]
    const mean = reduceMean(x, rows)
    const centred = sub(x, mean)
    const inverse = rsqrt(add(reduceMean(mul(centred, centred), rows), epsilon))
    return [cast(add(mul(mul(centred, inverse), weight), bias), (input as Tensor).dtype), mean, inverse]
  },
  pullback({ inputs: [input, row, bias], outputs: [, mean, inverse], cotangents: [ofOutput, ...ofStatistics] }) {
    if (ofStatistics.some((one) => one !== undefined)) return undefined
    if (
      ofOutput === undefined ||
      input === undefined ||
      row === undefined ||
      bias === undefined ||
      mean === undefined ||
      inverse === undefined
    ) {
      return [undefined, undefined, undefined]
    }
    const [x, weight, g] = [widened(input), widened(row), widened(ofOutput)]
    const normal = mul(sub(x, mean), inverse)
    const weighted = mul(g, weight)
    const slope = reduceMean(mul(weighted, normal), rows)
    const dx = mul(inverse, sub(sub(weighted, reduceMean(weighted, rows)), mul(normal, slope)))
    return [cast(dx, input.dtype), cast(sumToRow(mul(g, normal), row), row.dtype), cast(sumToRow(g, bias), bias.dtype)]
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
