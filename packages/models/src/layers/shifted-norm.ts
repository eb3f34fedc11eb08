/** A norm whose weight is what its factor lacks to be 1: files of Gemma hold zeros where those of Llama hold ones. */
import { add, Module, type Parameter, type ParameterScope, rmsNorm, type Tensor, widened } from '@espalier/core'

/** Root-mean-square normalisation times 1 + weight (size). */
export class ShiftedRmsNorm extends Module {
  constructor(
    readonly weight: Parameter,
    readonly epsilon: number,
  ) {
    super()
  }

  /** x (..., size) -> same. 1 is added in f32, whatever the model computes in. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, add(widened(this.weight.value), 1), this.epsilon)
  }
}

/** Makes a norm over `size` values. */
export type NormMaker = (scope: ParameterScope, name: string, size: number, epsilon: number) => Module

/** A norm whose weight is shifted by 1. */
export const shiftedRmsNorm: NormMaker = (scope, name, size, epsilon) =>
  new ShiftedRmsNorm(scope.at(name).parameter('weight', [size], { fill: 0 }), epsilon)
