/** Attention of every token to every other. */
import {
  type AttendOptions,
  attend,
  type Context,
  joinHeads,
  Module,
  type ParameterScope,
  splitHeads,
  type Tensor,
} from '@espalier/core'
import type { EncoderSettings } from './encoder-settings.js'

/** x (batch, tokens, hidden) -> joined heads, same shape. */
class SelfAttention extends Module {
  constructor(
    readonly query: Module,
    readonly key: Module,
    readonly value: Module,
    readonly heads: number,
    readonly settings: AttendOptions,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const part = (projection: Module) => splitHeads(projection.forward(x, context), this.heads)
    return joinHeads(attend(part(this.query), part(this.key), part(this.value), context, this.settings))
  }
}

/** A layer's attention in its scope. */
export function buildSelfAttention(settings: EncoderSettings, scope: ParameterScope, layer: number): Module {
  const { sizes, attentionDropout, deviation } = settings
  const { hiddenSize: size, headCount, headSize } = sizes
  const project = (name: string) => scope.linear(name, size, size, { bias: true, deviation })
  return new SelfAttention(project('query'), project('key'), project('value'), headCount, {
    layer,
    scale: 1 / Math.sqrt(headSize),
    dropout: { rate: attentionDropout, site: `${scope.path}.dropout` },
  })
}
