/** The bare models of T5's families: both stacks over one table of tokens, or the encoder alone. */
import { type Context, Embedding, type ModelSizes, type Module, type ParameterScope, type Tensor } from '@espalier/core'
import { BareModel } from '../heads/bare-model.js'
import { EncoderDecoder } from '../heads/encoder-decoder.js'
import type { T5Settings } from './settings.js'
import { buildStack } from './stack.js'

/** Hidden states of the decoder. */
export class T5Model extends EncoderDecoder {
  constructor(
    /** transformers' class. */
    readonly className: string,
    /** The table that both sides' own share; no pass reads it here. */
    readonly shared: Embedding,
    readonly encoder: Module,
    readonly decoder: Module,
    readonly settings: T5Settings,
  ) {
    super()
  }

  get sizes(): ModelSizes {
    return this.settings.sizes
  }

  get startToken(): number {
    return this.settings.startToken
  }

  get paddingToken(): number {
    return this.settings.paddingToken
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.block', 'decoder.block']
  }

  tokenTable(): Embedding {
    return this.shared
  }

  encode(ids: Tensor, context: Context): Tensor {
    return this.encoder.forward(ids, context)
  }

  decode(ids: Tensor, context: Context): Tensor {
    return this.decoder.forward(ids, context)
  }
}

/** Hidden states of the encoder, which has no decoder beside it. */
export class T5EncoderModel extends BareModel {
  readonly causal = false

  constructor(
    /** transformers' class. */
    readonly className: string,
    /** The table that the encoder's own shares; no pass reads it here. */
    readonly shared: Embedding,
    readonly encoder: Module,
    readonly settings: T5Settings,
  ) {
    super()
  }

  get sizes(): ModelSizes {
    return { ...this.settings.sizes, layerCount: this.settings.encoderLayers }
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.block']
  }

  tokenTable(): Embedding {
    return this.shared
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.encoder.forward(ids, context)
  }
}

/** The bare model in its scope. */
export function buildT5(settings: T5Settings, scope: ParameterScope): T5Model {
  const { shared, encoder } = buildEncoderSide(settings, scope)
  const { sizes, className } = settings
  const table = new Embedding(shared.weight)
  const decoder = buildStack(settings, scope.at('decoder'), { table, layers: sizes.layerCount, isDecoder: true })
  return new T5Model(`${className}Model`, shared, encoder, decoder, settings)
}

/** The encoder alone in its scope. */
export function buildT5Encoder(settings: T5Settings, scope: ParameterScope): T5EncoderModel {
  const { shared, encoder } = buildEncoderSide(settings, scope)
  return new T5EncoderModel(`${settings.className}EncoderModel`, shared, encoder, settings)
}

function buildEncoderSide(settings: T5Settings, scope: ParameterScope): { shared: Embedding; encoder: Module } {
  const { sizes, encoderLayers: layers, deviation } = settings
  const shared = scope.embedding('shared', sizes.vocabularySize, sizes.hiddenSize, deviation)
  const table = new Embedding(shared.weight)
  return { shared, encoder: buildStack(settings, scope.at('encoder'), { table, layers, isDecoder: false }) }
}
