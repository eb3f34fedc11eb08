/** Block-wise codes: each block of values is divided by its largest magnitude, and every value takes the nearest code of a table. */
import { EspalierError } from '@espalier/core'
import { bucketOf, type CodeTable } from './tables.js'

/** Codes and the scale of each block. */
export interface BlockwiseCodes {
  /** One code a value. */
  readonly codes: Uint8Array
  /** The largest magnitude of each block. */
  readonly absmax: Float32Array
}

const LEAST = Math.fround(1e-38) // a block of zeros is divided by it

/**
 * Codes of values in blocks of `blockSize`, the last one maybe shorter. In float32, as bitsandbytes' kernels written in PyTorch: x * (1 /
 * absmax), in a short last block x / absmax; a value half way takes the lower code. name: of the tensor, for the error. Throws
 * quantization.weight for a value that is not finite. Source: arXiv:2110.02861 §2.1.
 */
export function blockwiseCodes(
  values: Float32Array,
  { bounds, order, below }: CodeTable,
  blockSize: number,
  name: string,
): BlockwiseCodes {
  const blocks = Math.ceil(values.length / blockSize)
  const [codes, absmax] = [new Uint8Array(values.length), new Float32Array(blocks)]
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [block * blockSize, Math.min((block + 1) * blockSize, values.length)]
    const isShort = to - from < blockSize
    const most = largestMagnitude(values, from, to, name)
    const divisor = Math.max(most, LEAST)
    const factor = Math.fround(1 / divisor)
    absmax[block] = isShort ? divisor : most
    for (let i = from; i < to; i++) {
      const x = values[i] as number
      const scaled = Math.fround(isShort ? x / divisor : x * factor)
      const inside = scaled > 1 ? 1 : scaled < -1 ? -1 : scaled
      let place = below[bucketOf(inside)] as number
      while (inside > (bounds[place] as number)) place++
      codes[i] = order[place] as number
    }
  }
  return { codes, absmax }
}

/** The largest magnitude in a range of values. Throws quantization.weight, naming the tensor, for one that is not finite. */
export function largestMagnitude(values: Float32Array, from: number, to: number, name: string): number {
  let most = 0
  for (let i = from; i < to; i++) {
    const magnitude = Math.abs(values[i] as number)
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw notFinite(name, i, values[i] as number)
    if (magnitude > most) most = magnitude
  }
  return most
}

/** The error for a value that no code can hold. */
export function notFinite(name: string, index: number, value: number): EspalierError {
  return new EspalierError('quantization.weight', {
    what: 'a weight that is to be packed has a value that is not finite',
    got: { tensor: name, index, value: String(value) },
    fix: 'Check the checkpoint, or leave the layer out with llmInt8SkipModules.',
  })
}
