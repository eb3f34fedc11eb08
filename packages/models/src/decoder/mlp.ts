/** The wide half of a layer. */
import { type Context, Module, maybeDropout, type Tensor } from '@espalier/core'
import type { Activation } from '../layers/activation.js'
import { type PartNames, partOf, setParts } from '../layers/parts.js'

/** The modules of the wide half. */
export interface MlpParts {
  readonly up: Module
  readonly down: Module
}

/** What it does besides its modules. site: of the dropout at its end. */
export interface MlpSettings {
  readonly activation: Activation
  readonly dropout: number
  readonly site: string
}

/** down(activation(up(x))). */
export class Mlp extends Module {
  constructor(
    readonly settings: MlpSettings,
    readonly names: PartNames<MlpParts>,
    parts: MlpParts,
  ) {
    super()
    setParts(this, names, parts)
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { activation, dropout, site } = this.settings
    const wide = activation(partOf(this, this.names.up).forward(x, context))
    return maybeDropout(partOf(this, this.names.down).forward(wide, context), context, dropout, site)
  }
}
