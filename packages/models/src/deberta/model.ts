/** The bare model of both versions of DeBERTa. */
import { add, type Context, iota, Module, type ParameterScope, reshape, type Tensor } from '@espalier/core'
import { buildEncoderLayer } from '../encoder/encoder-layer.js'
import { EncoderModel } from '../encoder/encoder-model.js'
import { runLayers } from '../layers/layer-stack.js'
import type { DistanceContext } from './attention.js'
import type { Convolution } from './convolution.js'
import { distanceRows } from './distances.js'
import { buildEmbeddings } from './embeddings.js'
import type { DebertaSettings, DistanceSettings } from './settings.js'

/** What the versions have of their own, made in the encoder's scope. */
export interface DebertaParts {
  /** A layer's attention in its scope. */
  attention(scope: ParameterScope, layer: number): Module
  /** The norm of the embeddings of distances. */
  norm?(scope: ParameterScope): Module | null
  convolution?(scope: ParameterScope): Convolution | null
}

/** x (batch, tokens, hidden) -> same. All layers read one table of distances. */
class DebertaEncoder extends Module {
  constructor(
    readonly layer: readonly Module[],
    /** (twice the span, hidden) */
    readonly rel_embeddings: Module | null,
    readonly LayerNorm: Module | null,
    readonly conv: Convolution | null,
    readonly distances: DistanceSettings | null,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const { layer: layers, conv } = this
    const [first, ...others] = layers
    const steps =
      conv === null || first === undefined
        ? layers
        : [{ forward: (y: Tensor, own: Context) => conv.after(y, first.forward(y, own), own) }, ...others]
    return runLayers(x, steps, this.withDistances(x, context))
  }

  private withDistances(x: Tensor, context: Context): DistanceContext {
    const { rel_embeddings: table, LayerNorm: norm, distances } = this
    if (table === null || distances === null) return context
    const { from, to, index } = distanceRows(x.shape[1] as number, distances)
    const read = table.forward(add(iota([to - from], 0), from), context)
    const rows = norm === null ? read : norm.forward(read, context)
    return { ...context, distances: { rows: reshape(rows, [1, ...rows.shape]), index } }
  }
}

/** A bare model in its scope. */
export function buildDeberta(
  className: string,
  settings: DebertaSettings,
  scope: ParameterScope,
  { attention, norm, convolution }: DebertaParts,
): EncoderModel {
  const { sizes, distances, deviation } = settings
  const own = scope.at('encoder')
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) =>
    buildEncoderLayer(settings, own.at(`layer.${layer}`), (place) => attention(place, layer)),
  )
  const table =
    distances === null ? null : own.embedding('rel_embeddings', 2 * distances.span, sizes.hiddenSize, deviation)
  const encoder = new DebertaEncoder(layers, table, norm?.(own) ?? null, convolution?.(own) ?? null, distances)
  return new EncoderModel(className, buildEmbeddings(settings, scope.at('embeddings')), null, encoder, null, sizes)
}
