/** A weight whose codes lie (out, in), of a layer that keeps its weight (in, out): GPT-2's Conv1D. */
import {
  type DType,
  type HostTensor,
  hostTensor,
  type Parameter,
  type Shape,
  type Tensor,
  toFloat32,
  transpose,
  type Weight,
} from '@espalier/core'

/** The other weight, turned over. */
export class TransposedWeight implements Weight {
  constructor(private readonly inner: Required<Weight>) {}

  get shape(): Shape {
    return [...this.inner.shape].reverse()
  }

  get dtype(): DType {
    return this.inner.dtype
  }

  get parameters(): readonly Parameter[] {
    return this.inner.parameters
  }

  value(): Tensor {
    return transpose(this.inner.value())
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new TransposedWeight(this.inner.withParameters(parameters) as Required<Weight>)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    return this.inner.encode(turned(floats))
  }

  errorBound(floats: HostTensor): Float32Array {
    const bounds = this.inner.errorBound(turned(floats))
    return toFloat32(turned(hostTensor('f32', this.inner.shape, bounds)))
  }
}

/** (rows, columns) -> (columns, rows), in float32. */
export function turned(tensor: HostTensor): HostTensor {
  const [rows = 0, columns = 0] = tensor.shape
  const [from, to] = [toFloat32(tensor), new Float32Array(rows * columns)]
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j] as number
  return hostTensor('f32', [columns, rows], to)
}
