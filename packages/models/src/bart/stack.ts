/** The stack of layers that BART's encoder and decoder both are, and what its first layer reads. */
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
import { runLayers } from '../layers/layer-stack.js'
import { type BartLayerSettings, type BartSide, buildLayer } from './layer.js'

/** What both stacks are made with. */
export interface BartStackSettings extends BartLayerSettings {
  readonly maxPositions: number
}

const OFFSET = 2 // rows of the table before the first position's: fairseq counts from behind the padding id, 1
const EPSILON = 1e-5 // torch's for a layer norm

/** ids (batch, tokens) -> hidden states (batch, tokens, size). Captures those under its name, `encoder_hidden_states.0`. */
export class BartStack extends Module {
  constructor(
    readonly embed_tokens: Embedding,
    readonly embed_positions: Module,
    readonly layers: readonly Module[],
    readonly layernorm_embedding: Module,
    readonly dropout: number,
    readonly name: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const table: Module = this.embed_tokens
    const places = this.embed_positions.forward(add(context.positions, constant(OFFSET, 'i32')), context)
    const placed = add(table.forward(ids, context), places)
    const normed = this.layernorm_embedding.forward(placed, context)
    const read = maybeDropout(normed, context, this.dropout, `${this.name}.layernorm_embedding.dropout`)
    return runLayers(read, this.layers, context, undefined, `${this.name}_hidden_states`)
  }
}

/** The stack `name`, `encoder` or `decoder`, in its model's scope. table: of its tokens. */
export function buildStack(
  settings: BartStackSettings,
  side: BartSide,
  scope: ParameterScope,
  table: Embedding,
): BartStack {
  const { size, deviation, dropout, maxPositions } = settings
  const name = side.isDecoder ? 'decoder' : 'encoder'
  const own = scope.at(name)
  return new BartStack(
    table,
    own.embedding('embed_positions', maxPositions + OFFSET, size, deviation),
    Array.from({ length: side.layers }, (_, layer) => buildLayer(settings, side, own.at(`layers.${layer}`), layer)),
    own.layerNorm('layernorm_embedding', size, EPSILON),
    dropout,
    name,
  )
}
