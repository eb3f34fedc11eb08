/** The bare model of encoders of BERT's kind: embeddings, layers, and a pooler where a task reads it. */
import {
  type Context,
  type Embedding,
  type ModelSizes,
  Module,
  type ParameterScope,
  type Tensor,
  tanh,
} from '@espalier/core'
import { BareModel } from '../heads/bare-model.js'
import { Dense } from '../layers/dense.js'
import { firstTokens } from '../layers/first-token.js'
import { runLayers } from '../layers/layer-stack.js'
import { buildEmbeddings } from './embeddings.js'
import { buildEncoderLayer } from './encoder-layer.js'
import type { EncoderSettings } from './encoder-settings.js'
import { buildSelfAttention } from './self-attention.js'

/** What an encoder's first layer reads, and the table of its tokens: ids (batch, tokens) -> (batch, tokens, width of the tables). */
export type EmbeddedTokens = Module & { readonly word_embeddings: Embedding }

/** ids (batch, tokens) -> hidden states (batch, tokens, hidden). Captures `pooler_output` where there is a pooler. */
export class EncoderModel extends BareModel {
  constructor(
    /** transformers' class. */
    readonly className: string,
    readonly embeddings: EmbeddedTokens,
    /** From the width of the tables to the hidden size; null where they are the same or the encoder does it. */
    readonly embeddings_project: Module | null,
    readonly encoder: Module,
    readonly pooler: Module | null,
    readonly sizes: ModelSizes,
    readonly causal = false,
  ) {
    super()
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.layer']
  }

  tokenTable(): Embedding {
    return this.embeddings.word_embeddings
  }

  forward(ids: Tensor, context: Context): Tensor {
    const embedded = this.embeddings.forward(ids, context)
    const { embeddings_project: project } = this
    const hidden = this.encoder.forward(project === null ? embedded : project.forward(embedded, context), context)
    if (this.pooler !== null) context.trace.capture('pooler_output', () => this.pooled(hidden, context))
    return hidden
  }

  /** hidden (batch, tokens, hidden) -> (batch, hidden) of the first token. */
  pooled(hidden: Tensor, context: Context): Tensor {
    const first = firstTokens(hidden)
    return this.pooler === null ? first : this.pooler.forward(first, context)
  }
}

class Encoder extends Module {
  constructor(readonly layer: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return runLayers(x, this.layer, context)
  }
}

/** An encoder in its scope. pools: whether it has a pooler. */
export function buildEncoder(
  className: string,
  settings: EncoderSettings,
  scope: ParameterScope,
  pools: boolean,
): EncoderModel {
  const { sizes, deviation } = settings
  const { hiddenSize: size } = sizes
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) =>
    buildEncoderLayer(settings, scope.at(`encoder.layer.${layer}`), (own) => buildSelfAttention(settings, own, layer)),
  )
  const pooler = pools
    ? new Dense(scope.at('pooler').linear('dense', size, size, { bias: true, deviation }), tanh)
    : null
  const embeddings = buildEmbeddings(settings, scope.at('embeddings'))
  const project =
    settings.embeddingSize === size
      ? null
      : scope.linear('embeddings_project', settings.embeddingSize, size, { bias: true, deviation })
  return new EncoderModel(className, embeddings, project, new Encoder(layers), pooler, sizes, settings.isDecoder)
}
