/** A weight of LLM.int8() as bitsandbytes stores it. */
import {
  cast,
  type DType,
  dequantize,
  type HostTensor,
  hostTensor,
  mul,
  type Parameter,
  reshape,
  type Shape,
  type Tensor,
  toFloat32,
  type Weight,
} from '@espalier/core'
import { int8Rows, MOST } from './int8-rows.js'

/** W = code * scale of its row / 127, (out, in). parameters: codes i8 (out, in), scales f32 (out), and the format u8 () where files name it. */
export class Int8RowsWeight implements Weight {
  constructor(
    readonly dtype: DType,
    readonly parameters: readonly Parameter[],
  ) {}

  get shape(): Shape {
    return this.codes.shape
  }

  value(): Tensor {
    const [rows = 0, columns = 0] = this.shape
    const scales = reshape(mul((this.parameters[1] as Parameter).value, 1 / MOST), [rows, 1])
    return cast(dequantize(this.codes.value, scales, columns), this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new Int8RowsWeight(this.dtype, parameters)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    const { codes, scales } = int8Rows(floats, this.codes.path)
    return [codes, scales, BY_ROWS].slice(0, this.parameters.length)
  }

  /** Half a code of the row's scale, and what rounding to half precision takes. */
  errorBound(floats: HostTensor): Float32Array {
    const [, columns = 0] = this.shape
    const { scales } = int8Rows(floats, this.codes.path)
    return toFloat32(floats).map((x, i) => {
      const scale = scales.data[Math.floor(i / columns)] as number
      return (0.5 * scale) / MOST + HALF_UNIT * (Math.abs(x) + scale) + LEAST_HALF
    })
  }

  private get codes(): Parameter {
    return this.parameters[0] as Parameter
  }
}

/** `weight_format` of codes that lie row after row, the only one that is written today. */
export const BY_ROWS: HostTensor = hostTensor('u8', [], [0])

const HALF_UNIT = 2 ** -11 // relative rounding of half precision
const LEAST_HALF = 2 ** -25 // half of its smallest step
