/** LLM.int8() of weights: whole numbers of 8 bits with a scale for each row. */
import { type HostTensor, hostTensor, toFloat32 } from '@espalier/core'
import { largestMagnitude } from '../codes/blockwise.js'
import { roundedToHalf } from '../codes/half-precision.js'
import { roundHalfEven } from '../codes/round-half-even.js'

/** The largest code; a row's largest magnitude takes it. */
export const MOST = 127

/** bitsandbytes' CB and SCB. */
export interface Int8Rows {
  /** i8 (out, in). */
  readonly codes: HostTensor
  /** f32 (out): the largest magnitude of each row. */
  readonly scales: HostTensor
}

/**
 * Packs floats (out, in) as bitsandbytes does: rounded to half precision first, then code = round(x * (127 / largest of the row)), half to
 * even. name: of the tensor, for the error. Throws quantization.weight for a value that half precision cannot hold. Source: arXiv:2208.07339 §2.
 */
export function int8Rows(floats: HostTensor, name: string): Int8Rows {
  const { shape } = floats
  const [rows = 0, columns = 0] = shape
  const half = roundedToHalf(toFloat32(floats))
  const [codes, scales] = [new Int8Array(half.length), new Float32Array(rows)]
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns]
    const most = largestMagnitude(half, from, to, name)
    const factor = most === 0 ? 0 : Math.fround(MOST / most)
    scales[row] = most
    for (let i = from; i < to; i++) codes[i] = roundHalfEven(Math.fround((half[i] as number) * factor))
  }
  return { codes: hostTensor('i8', shape, codes), scales: hostTensor('f32', [rows], scales) }
}
