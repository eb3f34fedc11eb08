/** Normalisation layers. */
import type { Tensor } from '../graph/tensor.js'
import { layerNorm, rmsNorm } from '../nn/norms.js'
import { Module } from './module.js'
import type { Parameter } from './parameter.js'

/** Root-mean-square normalisation with a learned scale (size). */
export class RmsNorm extends Module {
  constructor(
    readonly weight: Parameter,
    readonly epsilon: number,
  ) {
    super()
  }

  /** x (..., size) -> same. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight.value, this.epsilon)
  }
}

/** Layer normalisation with a learned scale and shift (size). */
export class LayerNorm extends Module {
  constructor(
    readonly weight: Parameter,
    readonly bias: Parameter,
    readonly epsilon: number,
  ) {
    super()
  }

  /** x (..., size) -> same. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.value, this.bias.value, this.epsilon)
  }
}
