/**
 * Weights in four bits, decoded by ONNX Runtime's `MatMulBnb4`, whose kernel decodes all of a weight and then multiplies: with one row of
 * the number 1 its product is the decoded weight, several times faster than looking codes up. Its product with the other side of a
 * weight (`transB` 0) is wrong on processors, so the backward needs the floats.
 */
import { type FourBitAttributes, sizeOf, type Tensor } from '@espalier/core'
import { CONTRIB, type Emitter, ints } from './emitter.js'

// What its codes stand for. Source: blockwise_quant_block_bnb4.h of ONNX Runtime.
const FP4 = [0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25]
const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
]
/** By `quant_type`: FP4 and NF4. */
export const fourBitTables: readonly (readonly number[])[] = [[...FP4, ...FP4.map((x) => -x)], NF4]
const BLOCKS = [16, 32, 64, 128, 256] // the kernel's

/** Whether the kernel knows the codes and the blocks. */
export function acceptsFourBit([codes, scales]: readonly Tensor[], attributes: FourBitAttributes): boolean {
  const { shape, blockSize } = attributes
  const size = sizeOf(shape)
  const fits = BLOCKS.includes(blockSize) && size > 0 && size % blockSize === 0
  return fits && codes?.dtype === 'u8' && scales?.dtype === 'f32' && quantType(attributes) >= 0
}

/** The floats of codes that `acceptsFourBit` accepted. */
export function emitFourBit(e: Emitter, inputs: readonly Tensor[], y: Tensor, attributes: FourBitAttributes): void {
  const size = sizeOf(y.shape)
  const one = e.constant('f32', [1, 1], Float32Array.of(1))
  const flat = inputs.map((x) => e.inShape(x, [sizeOf(x.shape)]))
  const settings = { N: size, K: 1, block_size: attributes.blockSize, quant_type: quantType(attributes) }
  const row = e.one('MatMulBnb4', [one, ...flat], ints(settings), CONTRIB)
  e.set(y, row, [1, size]) // which counts its bytes; what reads it reads the view
  e.set(y, e.reshaped(row, [1, size], y.shape))
}

function quantType({ values }: FourBitAttributes): number {
  return fourBitTables.findIndex((table) =>
    values.every((x, code) => Math.fround(x) === Math.fround(table[code] as number)),
  )
}
