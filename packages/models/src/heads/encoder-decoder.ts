/** The bare model of families with an encoder and a decoder. */
import { type Context, concat, constant, sliceAxis, type Tensor, withEncoded } from '@espalier/core'
import { BareModel } from './bare-model.js'

/** ids (batch, tokens) of the decoder -> its last hidden states. Without a source the ids are both sides': the decoder reads them one place later. */
export abstract class EncoderDecoder extends BareModel {
  readonly causal = true
  /** The token in front of what the decoder reads. */
  abstract readonly startToken: number
  /** What the decoder reads in place of tokens that do not count. */
  abstract readonly paddingToken: number

  /** The encoder: ids (batch, source tokens) -> hidden states (batch, source tokens, hidden). */
  abstract encode(ids: Tensor, context: Context): Tensor

  /** The decoder, under a context with `encoded`: ids (batch, tokens) -> hidden states (batch, tokens, hidden). */
  abstract decode(ids: Tensor, context: Context): Tensor

  forward(ids: Tensor, context: Context): Tensor {
    if (context.source !== undefined) return this.decode(ids, withEncoded(context, this))
    const source = { ids, context: { ...context, mask: { ...context.mask, causal: false } } }
    const own: Context = { ...context, mask: { causal: true }, source }
    return this.decode(shifted(ids, this.startToken), withEncoded(own, this))
  }
}

// ids (batch, tokens) -> same: the start token, then all but the last one.
function shifted(ids: Tensor, startToken: number): Tensor {
  const [batch, tokens] = ids.shape as [number, number]
  return concat([constant(startToken, ids.dtype, [batch, 1]), sliceAxis(ids, 1, 0, tokens - 1)], 1)
}
