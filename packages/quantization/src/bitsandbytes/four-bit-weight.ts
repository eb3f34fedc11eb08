/** A weight in four-bit codes as bitsandbytes stores it: NF4 or FP4, with scales in floats or packed themselves. */
import {
  add,
  cast,
  type DType,
  dequantizeFourBit,
  div,
  gatherRows,
  type HostTensor,
  iota,
  mul,
  type Parameter,
  type Shape,
  type Tensor,
  toFloat32,
  type Weight,
} from '@espalier/core'
import { type FourBitType, fourBitTable, signedDynamic } from '../codes/tables.js'
import { type FourBitLayout, partValues } from './four-bit-layout.js'
import { type FourBitTensors, fourBitTensors } from './four-bit-tensors.js'
import type { FloatName } from './quant-state.js'

const DTYPES: { readonly [N in FloatName]: DType } = { float32: 'f32', float16: 'f16', bfloat16: 'bf16' }

/** W = table[code] * scale of its block, (out, in). parameters: in the order of `fourBitParts`. */
export class FourBitWeight implements Weight {
  constructor(
    readonly dtype: DType,
    private readonly layout: FourBitLayout,
    readonly parameters: readonly Parameter[],
  ) {}

  get shape(): Shape {
    return this.layout.shape
  }

  value(): Tensor {
    const { type, blockSize, dtype, shape } = this.layout
    const [codes, ...scales] = this.parameters.map(({ value }) => value) as [Tensor, ...Tensor[]]
    const floats = dequantizeFourBit(codes, this.scales(scales), { values: valuesOf(type), blockSize, shape })
    return cast(cast(floats, DTYPES[dtype]), this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new FourBitWeight(this.dtype, this.layout, parameters)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    return partValues(this.packed(floats, this.layout.nested !== undefined))
  }

  /** Half of the widest step between codes, of the block's scale; where scales are packed, as much more as these may be off; and what the decoded dtype rounds. */
  errorBound(floats: HostTensor): Float32Array {
    const { blockSize, type, nested, dtype } = this.layout
    const { halfStep } = fourBitTable(type)
    const { absmax } = this.packed(floats, false)
    const outer = nested && this.packed(floats, true).nestedAbsmax
    return toFloat32(floats).map((x, i) => {
      const block = Math.floor(i / blockSize)
      const scale = absmax.data[block] as number
      const outerScale = (nested && outer?.data[Math.floor(block / nested.blockSize)]) ?? 0
      const scaleError = signedDynamic.halfStep * outerScale
      const rounding = UNIT[dtype] * (Math.abs(x) + scale + scaleError)
      return halfStep * scale + scaleError + rounding
    })
  }

  private packed(floats: HostTensor, nested: boolean): FourBitTensors {
    return fourBitTensors(toFloat32(floats), this.shape, { ...this.layout, nested }, this.parameters[0]?.path ?? '')
  }

  private scales([absmax, , , outer, outerMap, offset]: readonly Tensor[]): Tensor {
    const { nested } = this.layout
    const scales = absmax as Tensor
    if (nested === undefined || outer === undefined || outerMap === undefined || offset === undefined) return scales
    const perScale = div(iota(scales.shape, 0), nested.blockSize)
    return add(mul(gatherRows(outerMap, cast(scales, 'i32')), gatherRows(outer, perScale)), offset)
  }
}

// A few roundings of float32, or the one of the dtype that codes decode to.
const UNIT: { readonly [N in FloatName]: number } = { float32: 2 ** -20, float16: 2 ** -10, bfloat16: 2 ** -7 }

// One list for all weights of a type.
const values = new Map<FourBitType, readonly number[]>()

function valuesOf(type: FourBitType): readonly number[] {
  const known = values.get(type) ?? [...fourBitTable(type).values]
  values.set(type, known)
  return known
}
