/** The wide half of a layer, gated. Source: arXiv:2002.05202 §2. */
import { type Context, Module, maybeDropout, mul, type Tensor } from '@espalier/core'
import type { Activation } from '../layers/activation.js'

/** down(activation(gate(x)) * up(x)). */
export class GatedMlp extends Module {
  constructor(
    readonly gate_proj: Module,
    readonly up_proj: Module,
    readonly down_proj: Module,
    readonly activation: Activation,
    /** Of what it gives. */
    readonly dropout: { readonly rate: number; readonly site: string } = { rate: 0, site: '' },
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const gate = this.activation(this.gate_proj.forward(x, context))
    const y = this.down_proj.forward(mul(gate, this.up_proj.forward(x, context)), context)
    return maybeDropout(y, context, this.dropout.rate, this.dropout.site)
  }
}
