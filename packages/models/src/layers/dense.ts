/** A linear layer with an activation. */
import { type Context, Module, type Tensor } from '@espalier/core'
import type { Activation } from './activation.js'

/** activation(dense(x)): (..., in) -> (..., out). */
export class Dense extends Module {
  constructor(
    readonly dense: Module,
    readonly activation: Activation,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.activation(this.dense.forward(x, context))
  }
}
