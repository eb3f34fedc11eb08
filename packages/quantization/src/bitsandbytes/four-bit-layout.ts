/** Which tensors hold a four-bit weight, before any of them is read: names, dtypes and shapes in bitsandbytes' layout. */
import { type HostTensor, hostTensor, type Spec, sizeOf } from '@espalier/core'
import { fourBitTable, signedDynamic } from '../codes/tables.js'
import { type FourBitTensors, stateBytes } from './four-bit-tensors.js'
import type { QuantState } from './quant-state.js'

/** What is known of a four-bit weight before its bytes are: its description but for the mean of its scales. */
export type FourBitLayout = Omit<QuantState, 'nested'> & { readonly nested?: { readonly blockSize: number } }

/** A tensor of a four-bit weight. */
export interface FourBitPart {
  /** After the layer's path. */
  readonly name: string
  readonly spec: Spec
  /** Whether files hold it. The mean of packed scales is in the description there. */
  readonly isStored: boolean
}

/** What the names of descriptions begin with, after the layer's path. */
export const STATE_PREFIX = 'weight.quant_state.bitsandbytes__'

/** The tensors of a weight, in the order of its parameters. stateLength: bytes of the description. */
export function fourBitParts({ type, blockSize, shape, nested }: FourBitLayout, stateLength: number): FourBitPart[] {
  const size = sizeOf(shape)
  const scales = Math.ceil(size / blockSize)
  const part = (name: string, dtype: Spec['dtype'], ...shape: number[]) => ({
    name: `weight${name}`,
    spec: { dtype, shape },
    isStored: true,
  })
  const parts = [
    part('', 'u8', Math.ceil(size / 2), 1),
    part('.absmax', nested === undefined ? 'f32' : 'u8', scales),
    part('.quant_map', 'f32', fourBitTable(type).values.length),
    { ...part('', 'u8', stateLength), name: STATE_PREFIX + type },
  ]
  if (nested === undefined) return parts
  return [
    ...parts,
    part('.nested_absmax', 'f32', Math.ceil(scales / nested.blockSize)),
    part('.nested_quant_map', 'f32', signedDynamic.values.length),
    { ...part('.nested_offset', 'f32'), isStored: false },
  ]
}

/** Values of a weight's parameters, in the order of `fourBitParts`. */
export function partValues({ codes, absmax, nestedAbsmax, state }: FourBitTensors, stateLength = 0): HostTensor[] {
  const map = fourBitTable(state.type).values
  const own = [codes, absmax, hostTensor('f32', [map.length], map), stateBytes(state, stateLength)]
  if (nestedAbsmax === undefined || state.nested === undefined) return own
  const outerMap = signedDynamic.values
  const offset = hostTensor('f32', [], [state.nested.offset])
  return [...own, nestedAbsmax, hostTensor('f32', [outerMap.length], outerMap), offset]
}
