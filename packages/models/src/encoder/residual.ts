/** How a half of an encoder's layer ends: a projection, and the norm of its sum with what the half began with. */
import { add, type Context, Module, maybeDropout, type ParameterScope, type Tensor } from '@espalier/core'
import type { EncoderSettings } from './encoder-settings.js'

/** The projection and the norm. */
export class Residual extends Module {
  constructor(
    readonly dense: Module,
    readonly LayerNorm: Module,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, in) -> its projection (batch, tokens, hidden). */
  forward(x: Tensor, context: Context): Tensor {
    return maybeDropout(this.dense.forward(x, context), context, this.rate, this.site)
  }

  /** norm(input + projection of the half's result). */
  after(input: Tensor, result: Tensor, context: Context): Tensor {
    return this.LayerNorm.forward(add(this.forward(result, context), input), context)
  }
}

/** The end of a half in its scope. inSize: of the half's result. */
export function buildResidual(settings: EncoderSettings, scope: ParameterScope, inSize: number): Residual {
  const { sizes, epsilon, dropout, deviation } = settings
  return new Residual(
    scope.linear('dense', inSize, sizes.hiddenSize, { bias: true, deviation }),
    scope.layerNorm('LayerNorm', sizes.hiddenSize, epsilon),
    dropout,
    `${scope.path}.dropout`,
  )
}
