/**
 * What a layer's weight is: something that gives floats as graph nodes and can be replaced. Quantizers implement it and nothing else.
 * Of dtypes: layers compute in their weight's dtype and answer in their input's, so mixed trees are sound; see docs/decisions/2026-11-26-dtypes.md.
 */
import type { DType, HostTensor } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import type { Shape } from '../shape.js'
import type { Parameter } from './parameter.js'

/** A layer's weight in whatever encoding. */
export interface Weight {
  readonly shape: Shape
  /** Dtype of `value()`, f32 or f16: what the layer computes in. How the parameters are stored is another matter. */
  readonly dtype: DType
  /** Parameters that hold it; their paths are what files are keyed by. */
  readonly parameters: readonly Parameter[]
  /** The floats, as graph nodes of `dtype`. */
  value(): Tensor
  /** The same weight over other parameters (merged, trainable), given in the order of `parameters`. */
  withParameters(parameters: readonly Parameter[]): Weight
  /** Values for `parameters`, in their order, that hold these floats (f32, `shape`): what merging writes. Absent where floats cannot be written. */
  encode?(floats: HostTensor): readonly HostTensor[]
  /** How far `value()` may be from each of these floats, in their order, once they are encoded. Absent: not known, or not at all. */
  errorBound?(floats: HostTensor): Float32Array
}

/** A weight stored as plain floats. */
export class DenseWeight implements Weight {
  readonly parameters: readonly Parameter[]

  constructor(readonly parameter: Parameter) {
    this.parameters = [parameter]
  }

  get shape(): Shape {
    return this.parameter.shape
  }

  get dtype(): DType {
    return this.parameter.dtype
  }

  value(): Tensor {
    return this.parameter.value
  }

  withParameters([parameter]: readonly Parameter[]): Weight {
    return parameter === undefined ? this : new DenseWeight(parameter)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    return [floats]
  }
}

/** A weight that is computed in the graph, such as the change that an adapter makes. No parameters hold it. */
export class GivenWeight implements Weight {
  readonly parameters: readonly Parameter[] = []

  constructor(private readonly tensor: Tensor) {}

  get shape(): Shape {
    return this.tensor.shape
  }

  get dtype(): DType {
    return this.tensor.dtype
  }

  value(): Tensor {
    return this.tensor
  }

  withParameters(): Weight {
    return this
  }
}
