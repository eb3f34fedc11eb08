/** The head that predicts the next token of what a decoder writes. */
import {
  add,
  type Context,
  cast,
  joinPath,
  Linear,
  type ModelSizes,
  Module,
  type Parameter,
  Seq2SeqLM,
  type Tensor,
} from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import type { EncoderDecoder } from './encoder-decoder.js'
import { type Head, type HeadedParts, type HeadNames, headLinear } from './head.js'

const BIAS = 'final_logits_bias'

/** A projection without bias, which shares the token table unless the file has one of its own, and the bias that the file has beside it. */
export function seq2seqLM({ className, field }: HeadNames): Head<EncoderDecoder> {
  return (request) => {
    const { base, prefix, scope } = request
    const { vocabularySize: rows, hiddenSize } = base.sizes
    // Configurations do not tell, so the file does, as for transformers: one that ties its head has none.
    const head = scope.has(`${field}.weight`, [rows, hiddenSize])
      ? headLinear(request, field, rows, { bias: false })
      : new Linear(base.tokenTable().weight, null)
    const bias = scope.has(BIAS, [1, rows]) ? scope.buffer(BIAS, [1, rows]) : null
    return new HeadedSeq2SeqLM(className, { base: prefix, head: field }, { base, head }, bias)
  }
}

class HeadedSeq2SeqLM extends Seq2SeqLM {
  constructor(
    readonly className: string,
    readonly names: PartNames<HeadedParts>,
    parts: HeadedParts<EncoderDecoder>,
    readonly final_logits_bias: Parameter | null,
  ) {
    super()
    setParts(this, names, parts)
  }

  get sizes(): ModelSizes {
    return this.base.sizes
  }

  get startToken(): number {
    return this.base.startToken
  }

  get paddingToken(): number {
    return this.base.paddingToken
  }

  override get layerPaths(): readonly string[] {
    return this.base.layerPaths.map((path) => joinPath(this.names.base, path))
  }

  // Of tying the file tells.
  override get untiedConfig() {
    return {}
  }

  encode(ids: Tensor, context: Context): Tensor {
    return this.base.encode(ids, context)
  }

  decode(ids: Tensor, context: Context): Tensor {
    return this.base.decode(ids, context)
  }

  head(): Module {
    const { final_logits_bias: bias } = this
    const projection = partOf(this, this.names.head)
    return bias === null ? projection : new BiasedHead(projection, bias)
  }

  private get base(): EncoderDecoder {
    return partOf<EncoderDecoder>(this, this.names.base)
  }
}

/** hidden (..., hidden) -> logits (..., vocabulary). */
class BiasedHead extends Module {
  constructor(
    readonly projection: Module,
    /** (1, vocabulary) */
    readonly bias: Parameter,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const logits = this.projection.forward(x, context)
    return add(logits, cast(this.bias.value, logits.dtype))
  }
}
