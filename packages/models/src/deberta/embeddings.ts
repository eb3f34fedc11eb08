/** What a DeBERTa's first layer reads: its tables summed, brought to the hidden size and normed; nothing at padding. */
import {
  add,
  type Context,
  cast,
  constant,
  type Embedding,
  Module,
  maybeDropout,
  mul,
  type ParameterScope,
  reshape,
  type Tensor,
} from '@espalier/core'
import { tokenEmbedding } from '../layers/padded-embedding.js'
import type { DebertaSettings } from './settings.js'

/** ids (batch, tokens) -> (batch, tokens, hidden). */
export class DebertaEmbeddings extends Module {
  constructor(
    readonly word_embeddings: Embedding,
    readonly position_embeddings: Module | null,
    readonly token_type_embeddings: Module | null,
    readonly embed_proj: Module | null,
    readonly LayerNorm: Module,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const table: Module = this.word_embeddings
    const { position_embeddings: places, token_type_embeddings: kinds, embed_proj: project } = this
    const types = context.tokenTypes ?? constant(0, 'i32', [1, context.length])
    const terms = [
      table.forward(ids, context),
      ...(places === null ? [] : [places.forward(context.positions, context)]),
      ...(kinds === null ? [] : [kinds.forward(types, context)]),
    ]
    const summed = terms.reduce((a, b) => add(a, b))
    const wide = project === null ? summed : project.forward(summed, context)
    return maybeDropout(withoutPadding(this.LayerNorm.forward(wide, context), context), context, this.rate, this.site)
  }
}

/** x (batch, tokens, size) with zeros at padding. */
export function withoutPadding(x: Tensor, { mask: { keep } }: Context): Tensor {
  return keep === undefined ? x : mul(x, cast(reshape(keep, [...keep.shape, 1]), x.dtype))
}

/** The embeddings in their scope. */
export function buildEmbeddings(settings: DebertaSettings, scope: ParameterScope): DebertaEmbeddings {
  const { sizes, embeddingSize: size, positions, typeCount, deviation, padding } = settings
  const { hiddenSize } = sizes
  return new DebertaEmbeddings(
    tokenEmbedding(scope, 'word_embeddings', { rows: sizes.vocabularySize, size, deviation, padding }),
    settings.hasPositions ? scope.embedding('position_embeddings', positions.rows, size, deviation) : null,
    typeCount === 0 ? null : scope.embedding('token_type_embeddings', typeCount, size, deviation),
    size === hiddenSize ? null : scope.linear('embed_proj', size, hiddenSize, { bias: false, deviation }),
    scope.layerNorm('LayerNorm', hiddenSize, settings.epsilon),
    settings.dropout,
    `${scope.path}.dropout`,
  )
}
