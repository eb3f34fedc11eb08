/** Floats as the tensors of a four-bit weight in bitsandbytes' layout: two codes a byte, a scale for each block. */
import { type HostTensor, hostTensor, type Shape } from '@espalier/core'
import { blockwiseCodes } from '../codes/blockwise.js'
import { type FourBitType, fourBitTable, signedDynamic } from '../codes/tables.js'
import { type FloatName, type QuantState, stateText } from './quant-state.js'

/** How floats are to be packed. */
export interface FourBitSettings {
  readonly type: FourBitType
  /** Values that share a scale. */
  readonly blockSize: number
  /** Whether the scales are packed too, `bnb_4bit_use_double_quant`. */
  readonly nested: boolean
  /** What the codes decode to. */
  readonly dtype: FloatName
}

/** The tensors and their description. */
export interface FourBitTensors {
  /** u8 (bytes, 1): the first of two codes in the high half; an odd count is filled with the code of 0. */
  readonly codes: HostTensor
  /** Scales by block: f32, or u8 codes where they are packed too. */
  readonly absmax: HostTensor
  /** f32, of the scales' codes; absent where they are floats. */
  readonly nestedAbsmax?: HostTensor
  readonly state: QuantState
}

/** Scales that share a scale, of packed scales: the one size that bitsandbytes' training knows. */
export const NESTED_BLOCK = 256

/**
 * Packs floats, (out, in) in row-major order, to the byte as bitsandbytes' kernels written in PyTorch do. name: of the tensor, for the
 * error. Throws quantization.weight for a value that is not finite. Source: arXiv:2305.14314 §3.
 */
export function fourBitTensors(
  values: Float32Array,
  shape: Shape,
  { type, blockSize, nested, dtype }: FourBitSettings,
  name: string,
): FourBitTensors {
  const table = fourBitTable(type)
  const { codes, absmax } = blockwiseCodes(values, table, blockSize, name)
  const bytes = packed(codes, table.values.indexOf(0))
  const state = { type, blockSize, dtype, shape }
  const scales = hostTensor('f32', [absmax.length], absmax)
  if (!nested) return { codes: bytes, absmax: scales, state }
  const offset = Math.fround(absmax.reduce((sum, value) => sum + value, 0) / absmax.length)
  const centred = blockwiseCodes(
    absmax.map((value) => value - offset),
    signedDynamic,
    NESTED_BLOCK,
    name,
  )
  return {
    codes: bytes,
    absmax: hostTensor('u8', scales.shape, centred.codes),
    nestedAbsmax: hostTensor('f32', [centred.absmax.length], centred.absmax),
    state: { ...state, nested: { blockSize: NESTED_BLOCK, offset } },
  }
}

/** The description as bytes, filled up with spaces to a length where one is given. */
export function stateBytes(state: QuantState, length = 0): HostTensor {
  const bytes = new TextEncoder().encode(stateText(state).padEnd(length))
  return hostTensor('u8', [bytes.length], bytes)
}

function packed(codes: Uint8Array, zero: number): HostTensor {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2))
  for (let i = 0; i < bytes.length; i++) {
    const [high, low] = [codes[2 * i] as number, codes[2 * i + 1] ?? zero]
    bytes[i] = (high << 4) | low
  }
  return hostTensor('u8', [bytes.length, 1], bytes)
}
