/** A quantized weight for tests: whole numbers up to 127 with a scale for each row, (rows, columns) as i8 and (rows, 1) as f32. */
import { type HostTensor, hostTensor, toFloat32 } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import { Parameter } from '../module/parameter.js'
import type { WeightFactory } from '../module/quantizer.js'
import { memorySource } from '../module/scope.js'
import type { Weight } from '../module/weight.js'
import { dequantize } from '../nn/dequantize.js'
import { readSource } from '../tuner/adapter.js'

const MOST = 127
const LEAST_SCALE = 1e-8 // of a row of zeros

/** Codes times the scale of their row. */
export class RowScaledWeight implements Weight {
  readonly dtype = 'f32'
  readonly parameters: readonly Parameter[]

  constructor(
    private readonly codes: Parameter,
    private readonly scales: Parameter,
  ) {
    this.parameters = [codes, scales]
  }

  get shape() {
    return this.codes.shape
  }

  value(): Tensor {
    return dequantize(this.codes.value, this.scales.value, this.codes.shape[1] as number)
  }

  withParameters([codes, scales]: readonly Parameter[]): Weight {
    return codes === undefined || scales === undefined ? this : new RowScaledWeight(codes, scales)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    const { codes, scales } = encoded(floats)
    return [codes, scales]
  }
}

function encoded(floats: HostTensor): { readonly codes: HostTensor; readonly scales: HostTensor } {
  const { shape } = floats
  const [rows = 0, columns = 0] = shape
  const values = toFloat32(floats)
  const scales = Float32Array.from({ length: rows }, (_, i) =>
    Math.max(...values.subarray(i * columns, (i + 1) * columns).map(Math.abs), LEAST_SCALE * MOST),
  ).map((most) => most / MOST)
  const codes = Array.from(values, (x, i) => Math.round(x / (scales[Math.floor(i / columns)] as number)))
  return { codes: hostTensor('i8', shape, codes), scales: hostTensor('f32', [rows, 1], scales) }
}

/** Quantizes the floats of a checkpoint while a tree is built; embeddings stay as they are. */
export const rowScaled: WeightFactory = ({ kind, shape, floats }) => {
  if (kind === 'embedding') return undefined
  const { path, source } = floats()
  const codes = {
    dtype: 'i8',
    shape,
    read: async () => memorySource(encoded(await readSource(source)).codes).read(),
  } as const
  const scaleShape = [shape[0] as number, 1]
  const scales = {
    dtype: 'f32',
    shape: scaleShape,
    read: async () => memorySource(encoded(await readSource(source)).scales).read(),
  } as const
  return new RowScaledWeight(
    new Parameter(path, 'i8', shape, codes),
    new Parameter(`${path}_scale`, 'f32', scaleShape, scales),
  )
}
