/** Whole numbers of 8 bits for floats that share a scale: by their largest magnitude, or between their least and their largest. */
import { EspalierError, type HostTensor, hostTensor, type Shape, sizeOf, toFloat32 } from '@espalier/core'
import { largestMagnitude } from '../codes/blockwise.js'
import { roundHalfEven } from '../codes/round-half-even.js'

/** `absmax`: code = x / scale, zero is code 0. `zeropoint`: code = x / scale + zero point, which uses all codes where signs are uneven. */
export type Int8Scheme = 'absmax' | 'zeropoint'

/** Which floats share a scale: all, each row, or `groupSize` after another within a row. */
export type Int8Granularity = 'tensor' | 'row' | 'group'

/** How floats are packed. */
export interface Int8Settings {
  readonly scheme: Int8Scheme
  readonly granularity: Int8Granularity
  /** A divisor of every row's length; of granularity `group`. */
  readonly groupSize: number
}

/** Codes, and what decodes them: one for every group of floats, in order. */
export interface Int8Codes {
  /** i8, in the floats' shape. */
  readonly codes: HostTensor
  /** f32 (groups). */
  readonly scales: HostTensor
  /** i8 (groups), of the zero-point scheme. */
  readonly zeroPoints?: HostTensor
}

const MOST = 127
const STEPS = 255 // from the least code to the largest

/** How many floats share a scale. name: of the tensor, for the error. Throws quantization.weight where rows do not part into groups. */
export function sharedBy(shape: Shape, { granularity, groupSize }: Int8Settings, name: string): number {
  const columns = shape[shape.length - 1] ?? 1
  if (granularity === 'tensor') return sizeOf(shape)
  if (granularity === 'row') return columns
  if (columns % groupSize === 0) return groupSize
  throw new EspalierError('quantization.weight', {
    what: 'the rows of a weight do not part into groups of this size',
    got: { tensor: name, row: columns, groupSize },
    fix: 'Choose a size that divides the rows of every layer, or granularity row.',
  })
}

/**
 * Packs floats. absmax: scale = largest / 127. zeropoint: scale = (largest - least) / 255 of a range that holds 0, so that 0 has a code of
 * its own. Throws quantization.weight for a value that is not finite, or groups that do not fit. Source: arXiv:2208.07339 §2, arXiv:1712.05877 §2.1.
 */
export function int8Codes(floats: HostTensor, settings: Int8Settings, name: string): Int8Codes {
  const [values, shared] = [toFloat32(floats), sharedBy(floats.shape, settings, name)]
  const groups = values.length / shared
  const codes = new Int8Array(values.length)
  const [scales, zeroPoints] = [new Float32Array(groups), new Int8Array(groups)]
  for (let group = 0; group < groups; group++) {
    const [from, to] = [group * shared, (group + 1) * shared]
    const most = largestMagnitude(values, from, to, name)
    const { scale, zero } = settings.scheme === 'absmax' ? byMagnitude(most) : byRange(values, from, to)
    scales[group] = scale
    zeroPoints[group] = zero
    for (let i = from; i < to; i++) codes[i] = clamped(roundHalfEven((values[i] as number) / scale) + zero)
  }
  const own = { codes: hostTensor('i8', floats.shape, codes), scales: hostTensor('f32', [groups], scales) }
  return settings.scheme === 'absmax' ? own : { ...own, zeroPoints: hostTensor('i8', [groups], zeroPoints) }
}

interface Mapping {
  readonly scale: number
  readonly zero: number
}

function byMagnitude(most: number): Mapping {
  return { scale: Math.fround(most / MOST) || 1, zero: 0 }
}

function byRange(values: Float32Array, from: number, to: number): Mapping {
  let [least, most] = [0, 0]
  for (let i = from; i < to; i++) {
    least = Math.min(least, values[i] as number)
    most = Math.max(most, values[i] as number)
  }
  const scale = Math.fround((most - least) / STEPS) || 1
  return { scale, zero: clamped(-MOST - 1 - roundHalfEven(least / scale)) }
}

function clamped(code: number): number {
  return Math.max(-MOST - 1, Math.min(MOST, code))
}
