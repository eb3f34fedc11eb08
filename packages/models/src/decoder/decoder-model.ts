/** The bare model of decoders: tables of tokens and, in some families, of positions; layers; in most families a last norm. */
import {
  add,
  type Context,
  type Embedding,
  type ModelSizes,
  type Module,
  maybeDropout,
  type ScoreBias,
  type Tensor,
} from '@espalier/core'
import { BareModel } from '../heads/bare-model.js'
import { runLayers } from '../layers/layer-stack.js'
import { type PartNames, partOf, setParts } from '../layers/parts.js'

/** The modules of a decoder. */
export interface DecoderParts {
  readonly tokens: Embedding
  /** A table of learned positions. */
  readonly positions?: Module
  readonly layers: readonly Module[]
  readonly norm?: Module
}

/** What a decoder does besides running its modules. */
export interface DecoderSettings {
  /** Token types are rows of the token table. */
  readonly hasTokenTypes?: boolean
  /** Of what the first layer reads. */
  readonly dropout?: { readonly rate: number; readonly site: string }
  /** What the scores of all layers get added. */
  readonly bias?: (context: Context) => ScoreBias
}

/** ids (batch, tokens) -> last hidden states (batch, tokens, hidden). */
export class DecoderModel extends BareModel {
  readonly causal = true

  constructor(
    /** transformers' class. */
    readonly className: string,
    readonly sizes: ModelSizes,
    readonly names: PartNames<DecoderParts>,
    parts: DecoderParts,
    readonly settings: DecoderSettings = {},
  ) {
    super()
    setParts(this, names, parts)
  }

  override get layerPaths(): readonly string[] {
    return [this.names.layers]
  }

  tokenTable(): Embedding {
    return partOf(this, this.names.tokens)
  }

  forward(ids: Tensor, context: Context): Tensor {
    const { layers, norm } = this.names
    const bias = this.settings.bias?.(context)
    const biased = bias === undefined ? context : { ...context, bias }
    return runLayers(
      this.embed(ids, context),
      partOf(this, layers),
      biased,
      norm === undefined ? norm : partOf(this, norm),
    )
  }

  /** ids (batch, tokens) -> what the first layer reads (batch, tokens, hidden). */
  embed(ids: Tensor, context: Context): Tensor {
    const table: Module = this.tokenTable()
    const { positions } = this.names
    const { hasTokenTypes = false, dropout } = this.settings
    const words = table.forward(ids, context)
    const placed =
      positions === undefined ? words : add(words, partOf(this, positions).forward(context.positions, context))
    const types = hasTokenTypes ? context.tokenTypes : undefined
    const typed = types === undefined ? placed : add(placed, table.forward(types, context))
    return dropout === undefined ? typed : maybeDropout(typed, context, dropout.rate, dropout.site)
  }
}
