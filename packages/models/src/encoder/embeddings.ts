/** What an encoder's first layer reads: token, token type and position tables, summed and normed. */

import {
  add,
  type Context,
  constant,
  type Embedding,
  Module,
  maybeDropout,
  type ParameterScope,
  type Tensor,
} from '@espalier/core'
import { tokenEmbedding } from '../layers/padded-embedding.js'
import type { EncoderSettings } from './encoder-settings.js'
import type { CountPositions } from './positions.js'

/** ids (batch, tokens) -> (batch, tokens, width of the tables). */
export class EncoderEmbeddings extends Module {
  constructor(
    readonly word_embeddings: Embedding,
    readonly position_embeddings: Module,
    readonly token_type_embeddings: Module | null,
    readonly LayerNorm: Module,
    readonly positionsOf: CountPositions,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const table: Module = this.word_embeddings
    const typed = this.withTypes(table.forward(ids, context), context)
    const placed = add(typed, this.position_embeddings.forward(this.positionsOf(ids, context), context))
    return maybeDropout(this.LayerNorm.forward(placed, context), context, this.rate, this.site)
  }

  private withTypes(x: Tensor, context: Context): Tensor {
    if (this.token_type_embeddings === null) return x
    const types = context.tokenTypes ?? constant(0, 'i32', [1, context.length])
    return add(x, this.token_type_embeddings.forward(types, context))
  }
}

/** The embeddings in their scope. */
export function buildEmbeddings(settings: EncoderSettings, scope: ParameterScope): EncoderEmbeddings {
  const { sizes, embeddingSize: size, positions, typeCount, deviation, padding } = settings
  return new EncoderEmbeddings(
    tokenEmbedding(scope, 'word_embeddings', { rows: sizes.vocabularySize, size, deviation, padding }),
    tokenEmbedding(scope, 'position_embeddings', { rows: positions.rows, size, deviation, padding: positions.padding }),
    typeCount === 0 ? null : scope.embedding('token_type_embeddings', typeCount, size, deviation),
    scope.layerNorm('LayerNorm', size, settings.epsilon),
    positions.count,
    settings.dropout,
    `${scope.path}.dropout`,
  )
}
