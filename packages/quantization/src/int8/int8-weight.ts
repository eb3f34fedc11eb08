/** A weight in whole numbers of 8 bits with a scale, and maybe a zero point, for each group of floats. */
import {
  cast,
  type DType,
  dequantize,
  type HostTensor,
  type Parameter,
  reshape,
  type Shape,
  type Tensor,
  toFloat32,
  type Weight,
} from '@espalier/core'
import { type Int8Settings, int8Codes, sharedBy } from './int8-codes.js'

/** W = (code - zero point) * scale, in the layer's own order. parameters: codes i8 (rows, columns), scales f32 (groups), zero points i8 (groups). */
export class Int8Weight implements Weight {
  constructor(
    readonly dtype: DType,
    private readonly settings: Int8Settings,
    readonly parameters: readonly Parameter[],
  ) {}

  get shape(): Shape {
    return this.codes.shape
  }

  value(): Tensor {
    const [codes, ...perGroup] = this.parameters.map(({ value }) => value) as [Tensor, Tensor, Tensor?]
    const shared = sharedBy(this.shape, this.settings, this.codes.path)
    const [scales, zeroPoints] = perGroup.map((x) => x && reshape(x, [-1, 1])) as [Tensor, Tensor?]
    const floats = dequantize(reshape(codes, [-1, shared]), scales, shared, zeroPoints)
    return cast(reshape(floats, this.shape), this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new Int8Weight(this.dtype, this.settings, parameters)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    return valuesOf(floats, this.settings, this.codes.path)
  }

  /** Half of a code's step; a whole one where the zero point was rounded too. */
  errorBound(floats: HostTensor): Float32Array {
    const { scales } = int8Codes(floats, this.settings, this.codes.path)
    const shared = sharedBy(this.shape, this.settings, this.codes.path)
    const steps = this.settings.scheme === 'absmax' ? 0.5 : 1
    return toFloat32(floats).map((x, i) => {
      const scale = scales.data[Math.floor(i / shared)] as number
      return (steps + UNIT) * scale + UNIT * Math.abs(x)
    })
  }

  private get codes(): Parameter {
    return this.parameters[0] as Parameter
  }
}

/** Values of a weight's parameters, in their order. */
export function valuesOf(floats: HostTensor, settings: Int8Settings, name: string): HostTensor[] {
  const { codes, scales, zeroPoints } = int8Codes(floats, settings, name)
  return zeroPoints === undefined ? [codes, scales] : [codes, scales, zeroPoints]
}

const UNIT = 2 ** -20 // a few roundings of float32
