/** A head whose logits are capped. Source: arXiv:2408.00118 §2. */
import { mul } from '../graph/ops/binary.js'
import { tanh } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import type { Context } from './context.js'
import { Module } from './module.js'

/** hidden (..., hidden) -> logits (..., vocabulary) between -cap and cap: cap * tanh(logit / cap). Losses know it, and cap block by block. */
export class CappedHead extends Module {
  constructor(
    readonly projection: Module,
    readonly cap: number,
  ) {
    super()
  }

  /** x (..., hidden) -> logits (..., vocabulary). */
  forward(x: Tensor, context: Context): Tensor {
    return mul(tanh(mul(this.projection.forward(x, context), 1 / this.cap)), this.cap)
  }
}
