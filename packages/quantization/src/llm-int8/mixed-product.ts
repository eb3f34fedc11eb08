/**
 * LLM.int8()'s own product: activations in 8 bits row by row, whole numbers multiplied, and the few columns with outliers apart in floats.
 * Layers here multiply with decoded weights instead, which is nearer to the floats; this is what bitsandbytes computes when nothing trains.
 */
import {
  abs,
  add,
  cast,
  dequantize,
  div,
  equal,
  greater,
  greaterEqual,
  matmul,
  mul,
  reduceMax,
  reshape,
  round,
  select,
  type Tensor,
} from '@espalier/core'
import { MOST } from './int8-rows.js'

const PER_PRODUCT = 6.200124e-5 // 1 / 127^2, as bitsandbytes rounds it

/** Activations as the product reads them. */
export interface Int8Activations {
  /** Whole numbers -127 to 127 in f32 (rows, in); 0 in outlier columns. */
  readonly codes: Tensor
  /** f32 (rows, 1): the largest magnitude of each row, without outliers. */
  readonly scales: Tensor
  /** bool (1, in): columns in which any magnitude reaches the threshold. */
  readonly outliers: Tensor
}

/** x (rows, in) -> codes, scales and outlier columns. threshold: least magnitude of an outlier; 0: there are none. Source: arXiv:2208.07339 §3. */
export function int8Activations(x: Tensor, threshold: number): Int8Activations {
  const half = cast(cast(x, 'f16'), 'f32')
  const isOutlier = greaterEqual(abs(half), threshold > 0 ? threshold : Number.POSITIVE_INFINITY)
  const rest = select(isOutlier, 0, half)
  const scales = reduceMax(abs(rest), { axes: [1], keepDims: true })
  const factors = div(MOST, select(equal(scales, 0), 1, scales))
  const outliers = greater(reduceMax(cast(isOutlier, 'f32'), { axes: [0], keepDims: true }), 0)
  return { codes: select(outliers, 0, round(mul(rest, factors))), scales, outliers }
}

/** x (rows, in) times codes (out, in) i8 with scales f32 (out) -> (rows, out) in x's dtype. bias: (out). */
export function mixedProduct(
  x: Tensor,
  weight: { readonly codes: Tensor; readonly scales: Tensor },
  options: { readonly threshold: number; readonly bias?: Tensor },
): Tensor {
  const { codes, scales, outliers } = int8Activations(x, options.threshold)
  const [rows = 0, columns = 0] = weight.codes.shape
  const sums = matmul(codes, cast(weight.codes, 'f32'), { transposeB: true })
  const scaled = mul(mul(sums, mul(scales, reshape(weight.scales, [1, rows]))), PER_PRODUCT)
  const biased = options.bias === undefined ? scaled : add(scaled, cast(options.bias, 'f32'))
  const whole = dequantize(weight.codes, reshape(mul(weight.scales, 1 / MOST), [rows, 1]), columns)
  const apart = matmul(select(outliers, cast(x, 'f32'), 0), whole, { transposeB: true })
  return cast(add(biased, apart), x.dtype)
}
