/** One layer of BART's encoder or decoder. Its norms stand after the sums. */
import { add, type Context, Module, maybeDropout, type ParameterScope, type Tensor } from '@espalier/core'
import { CrossAttention } from '../decoder/cross-attention.js'
import { SplitAttention } from '../decoder/split-attention.js'
import type { Activation } from '../layers/activation.js'

/** What the layers of one side are made with. */
export interface BartSide {
  readonly layers: number
  readonly heads: number
  readonly innerSize: number
  /** Whether its layers read what the encoder made. */
  readonly isDecoder: boolean
}

/** What the layers of both sides are made with. */
export interface BartLayerSettings {
  readonly size: number
  readonly dropout: number
  readonly attentionDropout: number
  readonly activationDropout: number
  readonly activation: Activation
  readonly deviation: number
}

const EPSILON = 1e-5 // torch's for a layer norm; no key of config.json says another

/** norm(x + part(x)) for attention, in a decoder attention to the encoder's output where there is one, and the wide half. */
class BartLayer extends Module {
  constructor(
    readonly self_attn: Module,
    readonly self_attn_layer_norm: Module,
    readonly encoder_attn: Module | null,
    readonly encoder_attn_layer_norm: Module | null,
    readonly fc1: Module,
    readonly fc2: Module,
    readonly final_layer_norm: Module,
    readonly settings: BartLayerSettings,
    readonly path: string,
  ) {
    super()
  }

  /** x (batch, tokens, size) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { dropout } = this.settings
    const after = (input: Tensor, result: Tensor, norm: Module, site: string) =>
      norm.forward(add(input, maybeDropout(result, context, dropout, `${this.path}.${site}.dropout`)), context)
    const attended = after(x, this.self_attn.forward(x, context), this.self_attn_layer_norm, 'self_attn')
    const { encoder_attn: cross, encoder_attn_layer_norm: norm } = this
    const read =
      cross === null || norm === null || context.encoded === undefined
        ? attended
        : after(attended, cross.forward(attended, context), norm, 'encoder_attn')
    return after(read, this.wide(read, context), this.final_layer_norm, 'fc2')
  }

  private wide(x: Tensor, context: Context): Tensor {
    const { activation, activationDropout } = this.settings
    const inner = activation(this.fc1.forward(x, context))
    return this.fc2.forward(maybeDropout(inner, context, activationDropout, `${this.path}.fc1.dropout`), context)
  }
}

const names = { key: 'k_proj', value: 'v_proj', query: 'q_proj', output: 'out_proj' } // in transformers' order

/** A layer in its scope. */
export function buildLayer(settings: BartLayerSettings, side: BartSide, scope: ParameterScope, layer: number): Module {
  const { size, deviation, attentionDropout } = settings
  const { heads, innerSize, isDecoder } = side
  const linear = (own: ParameterScope, name: string, from = size, to = size) =>
    own.linear(name, from, to, { bias: true, deviation })
  const project = (own: ParameterScope) => ({
    key: linear(own, names.key),
    value: linear(own, names.value),
    query: linear(own, names.query),
    output: linear(own, names.output),
  })
  const attention = (own: ParameterScope) => ({
    layer,
    heads,
    scale: (size / heads) ** -0.5,
    dropout: { rate: attentionDropout, site: `${own.path}.dropout` },
  })
  const [self, cross] = [scope.at('self_attn'), scope.at('encoder_attn')]
  return new BartLayer(
    new SplitAttention({ ...attention(self), groups: heads }, names, project(self)),
    scope.layerNorm('self_attn_layer_norm', size, EPSILON),
    isDecoder ? new CrossAttention(attention(cross), names, project(cross)) : null,
    isDecoder ? scope.layerNorm('encoder_attn_layer_norm', size, EPSILON) : null,
    linear(scope, 'fc1', size, innerSize),
    linear(scope, 'fc2', innerSize, size),
    scope.layerNorm('final_layer_norm', size, EPSILON),
    settings,
    scope.path,
  )
}
