/** Codes of four bits as floats, as a named call, so that a backend may decode within the product that reads them. */
import { hostTensor } from '../dtype.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { constantTensor } from '../graph/ops/constant.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { reshape } from '../graph/ops/reshape.js'
import type { Tensor } from '../graph/tensor.js'
import type { Shape } from '../shape.js'
import { scaledBlocks } from './scaled-blocks.js'

/** Constants of the call. */
export interface FourBitAttributes extends Readonly<Record<string, unknown>> {
  /** What the 16 codes stand for. */
  readonly values: readonly number[]
  /** Codes that share a scale, one after another, whatever the rows; the last ones may be fewer. */
  readonly blockSize: number
  /** Of the floats. */
  readonly shape: Shape
}

/**
 * Call `dequantizeFourBit`: inputs codes u8, two in a byte, the first in the high half, and scales (blocks); output values[code] * scale of
 * its block, in `shape` and the scales' dtype. Cotangents reach the scales. Source: arXiv:2305.14314 §3, in the layout of bitsandbytes.
 */
export const dequantizeFourBitCall: CallDefinition<FourBitAttributes> = {
  name: 'dequantizeFourBit',
  body([codes, scales], { values, blockSize, shape }) {
    const { dtype } = scales as Tensor
    const bytes = cast(reshape(codes as Tensor, [-1]), 'i32')
    return [scaledBlocks(gatherRows(cast(pairsOf(values), dtype), bytes), scales as Tensor, blockSize, shape)]
  },
}

/** Floats of codes. Shapes and dtypes as in `dequantizeFourBitCall`. */
export function dequantizeFourBit(codes: Tensor, scales: Tensor, attributes: FourBitAttributes): Tensor {
  return call(dequantizeFourBitCall, [codes, scales], attributes)[0] as Tensor
}

const pairs = new Map<string, Tensor>()

// Every byte's two values (256, 2): one look-up decodes both. One node for all weights of a type.
function pairsOf(values: readonly number[]): Tensor {
  const key = values.join()
  const known = pairs.get(key)
  if (known !== undefined) return known
  const both = Array.from({ length: 256 }, (_, byte) => [values[byte >> 4] as number, values[byte & 15] as number])
  const made = constantTensor(hostTensor('f32', [256, 2], both.flat()))
  pairs.set(key, made)
  return made
}
