/** One layer of an encoder whose norms stand after the sums: attention, then the wide half. */
import { type Context, Module, type ParameterScope, type Tensor } from '@espalier/core'
import { Dense } from '../layers/dense.js'
import type { EncoderSettings } from './encoder-settings.js'
import { buildResidual, type Residual } from './residual.js'

/** x (batch, tokens, hidden) -> same. */
class EncoderLayer extends Module {
  constructor(
    readonly attention: Module,
    readonly intermediate: Module,
    readonly output: Residual,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const attended = this.attention.forward(x, context)
    return this.output.after(attended, this.intermediate.forward(attended, context), context)
  }
}

/** norm(x + projection of the attention over x). */
class EncoderAttention extends Module {
  constructor(
    readonly self: Module,
    readonly output: Residual,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.output.after(x, this.self.forward(x, context), context)
  }
}

/** A layer in its scope. buildSelf: its attention from tokens to joined heads. */
export function buildEncoderLayer(
  settings: EncoderSettings,
  scope: ParameterScope,
  buildSelf: (own: ParameterScope) => Module,
): Module {
  const { sizes, innerSize, activation, deviation } = settings
  const attention = scope.at('attention')
  const wide = scope.at('intermediate').linear('dense', sizes.hiddenSize, innerSize, { bias: true, deviation })
  return new EncoderLayer(
    new EncoderAttention(
      buildSelf(attention.at('self')),
      buildResidual(settings, attention.at('output'), sizes.hiddenSize),
    ),
    new Dense(wide, activation),
    buildResidual(settings, scope.at('output'), innerSize),
  )
}
