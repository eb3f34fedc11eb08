/** Values times the scales of their blocks, as graph nodes, whatever the blocks leave over at the end. */
import { pad } from '../graph/ops/pad.js'
import { reshape } from '../graph/ops/reshape.js'
import { slice } from '../graph/ops/slice.js'
import type { Tensor } from '../graph/tensor.js'
import { type Shape, sizeOf } from '../shape.js'
import { dequantize } from './dequantize.js'

/** values (n or more, in order) times scales (blocks), one for each `blockSize` of them -> floats of `shape`, which has n values. */
export function scaledBlocks(values: Tensor, scales: Tensor, blockSize: number, shape: Shape): Tensor {
  const size = sizeOf(shape)
  const [blocks = 0] = scales.shape
  const flat = reshape(values, [-1])
  const missing = blocks * blockSize - sizeOf(flat.shape)
  const whole = missing > 0 ? pad(flat, [0], [missing]) : flat
  const scaled = dequantize(reshape(whole, [blocks, blockSize]), reshape(scales, [blocks, 1]), blockSize)
  const all = reshape(scaled, [-1])
  return reshape(sizeOf(all.shape) === size ? all : slice(all, [0], [size]), shape)
}
