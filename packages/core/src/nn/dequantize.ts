/** Codes as floats, as a named call, so that a backend may decode within the product that reads them. */
import { mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { reshape } from '../graph/ops/reshape.js'
import type { Tensor } from '../graph/tensor.js'

/** Constants: codes that share a scale, along the last axis; a divisor of its length. */
export interface DequantizeAttributes extends Readonly<Record<string, unknown>> {
  readonly blockSize: number
}

/**
 * Call `dequantize`: inputs codes (..., size) of any dtype, scales (..., size / blockSize) and, if there is one, zeroPoint in the scales'
 * shape and any dtype; output (code - zeroPoint) * scale in the codes' shape and the scales' dtype. Cotangents reach what is a float.
 * Source: block-wise form of arXiv:2110.02861 §2.1.
 */
export const dequantizeCall: CallDefinition<DequantizeAttributes> = {
  name: 'dequantize',
  body([codes, scales, zeroPoint], { blockSize }) {
    const [{ shape }, { dtype, shape: blocks }] = [codes as Tensor, scales as Tensor]
    const perBlock = (x: Tensor) => reshape(cast(x, dtype), [...blocks, 1])
    const values = cast(reshape(codes as Tensor, [...blocks, blockSize]), dtype)
    const centred = zeroPoint === undefined ? values : sub(values, perBlock(zeroPoint))
    return [reshape(mul(centred, perBlock(scales as Tensor)), shape)]
  },
}

/** (code - zeroPoint) * scale, with one scale for every `blockSize` codes of a row. Shapes and dtypes as in `dequantizeCall`. */
export function dequantize(codes: Tensor, scales: Tensor, blockSize: number, zeroPoint?: Tensor): Tensor {
  const inputs = zeroPoint === undefined ? [codes, scales] : [codes, scales, zeroPoint]
  return call(dequantizeCall, inputs, { blockSize })[0] as Tensor
}
