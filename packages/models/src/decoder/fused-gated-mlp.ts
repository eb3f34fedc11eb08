/** The wide half of a layer, gated, of which one product makes the gate and what passes it, side by side. Source: arXiv:2002.05202 §2. */
import { type Context, Module, maybeDropout, mul, sliceAxis, type Tensor } from '@espalier/core'
import type { Activation } from '../layers/activation.js'

/** down(activation(gate) * up), where gate and up are the halves of gate_up(x). */
export class FusedGatedMlp extends Module {
  constructor(
    readonly gate_up_proj: Module,
    readonly down_proj: Module,
    readonly activation: Activation,
    /** Of what it gives. */
    readonly dropout: { readonly rate: number; readonly site: string } = { rate: 0, site: '' },
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const both = this.gate_up_proj.forward(x, context)
    const width = both.shape[2] as number
    const gate = this.activation(sliceAxis(both, 2, 0, width / 2))
    const y = this.down_proj.forward(mul(gate, sliceAxis(both, 2, width / 2, width)), context)
    return maybeDropout(y, context, this.dropout.rate, this.dropout.site)
  }
}
