/** The wide halves of T5's layers: plain in the first version, gated in v1.1. */
import { type Context, Module, maybeDropout, mul, type Tensor } from '@espalier/core'
import type { Activation } from '../layers/activation.js'

/** What they do besides their modules. site: of the dropout before the last one. */
export interface FeedForwardSettings {
  readonly activation: Activation
  readonly rate: number
  readonly site: string
}

/** wo(activation(wi(x))). */
export class T5DenseActDense extends Module {
  constructor(
    readonly wi: Module,
    readonly wo: Module,
    readonly settings: FeedForwardSettings,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { activation, rate, site } = this.settings
    const wide = activation(this.wi.forward(x, context))
    return this.wo.forward(maybeDropout(wide, context, rate, site), context)
  }
}

/** wo(activation(wi_0(x)) * wi_1(x)). Source: arXiv:2002.05202 §2. */
export class T5DenseGatedActDense extends Module {
  constructor(
    readonly wi_0: Module,
    readonly wi_1: Module,
    readonly wo: Module,
    readonly settings: FeedForwardSettings,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { activation, rate, site } = this.settings
    const wide = mul(activation(this.wi_0.forward(x, context)), this.wi_1.forward(x, context))
    return this.wo.forward(maybeDropout(wide, context, rate, site), context)
  }
}
