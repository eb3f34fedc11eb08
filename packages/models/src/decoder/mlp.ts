/** The wide half of a layer. */
import { type Context, Module, maybeDropout, type ParameterScope, type Tensor } from '@espalier/core'
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

/** Sizes of the wide half, and how its linear layers begin. */
export interface LinearMlpSettings extends MlpSettings {
  readonly size: number
  readonly innerSize: number
  readonly bias: boolean
  readonly deviation: number
}

/** The wide half of two linear layers, in its scope. */
export function linearMlp(
  { size, innerSize, bias, deviation, ...own }: LinearMlpSettings,
  names: PartNames<MlpParts>,
  scope: ParameterScope,
): Mlp {
  return new Mlp(own, names, {
    up: scope.linear(names.up, size, innerSize, { bias, deviation }),
    down: scope.linear(names.down, innerSize, size, { bias, deviation }),
  })
}
