/** From a program's feeds to a context: the names that every collator, loss and program agrees on. */
import { EspalierError } from '../errors.js'
import { cast } from '../graph/ops/cast.js'
import { iota } from '../graph/ops/iota.js'
import type { Tensor } from '../graph/tensor.js'
import { type Context, Trace } from '../module/context.js'

/**
 * Feeds of a batch. `input_ids` (batch, length) i32; optional `attention_mask` (batch, length) bool or integer, `position_ids`
 * (batch, length) i32, `document_ids` (batch, length) i32 (of packed rows: tokens see their own document alone; `position_ids` are given
 * too), `token_type_ids` (batch, length) i32, `seed` u32 scalar (makes dropout active). Of encoder-decoder models these are the encoder's,
 * and the decoder's are `decoder_input_ids` (batch, tokens) i32 and optional `decoder_attention_mask`.
 */
export type ModelInputs = Readonly<Record<string, Tensor>>

/** The ids and the context of a pass over the inputs. Positions count from 0 in every row unless they are given. */
export function passOf(inputs: ModelInputs, causal: boolean, trace: Trace = new Trace()): Pass {
  const { input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, ...rest } = inputs
  if (decoder_input_ids === undefined) return onePass('input_ids', input_ids, attention_mask, rest, causal, trace)
  const source = onePass('input_ids', input_ids, attention_mask, rest, false, trace)
  const own: ModelInputs = rest.seed === undefined ? {} : { seed: rest.seed }
  const { ids, context } = onePass('decoder_input_ids', decoder_input_ids, decoder_attention_mask, own, causal, trace)
  return { ids, context: { ...context, source } }
}

/** Ids (batch, length) and the context that a model reads them in. */
export interface Pass {
  readonly ids: Tensor
  readonly context: Context
}

function onePass(
  name: string,
  ids: Tensor | undefined,
  mask: Tensor | undefined,
  { position_ids: positions, document_ids: documents, token_type_ids: tokenTypes, seed }: ModelInputs,
  causal: boolean,
  trace: Trace,
): Pass {
  if (ids === undefined || ids.shape.length !== 2)
    throw new EspalierError('shape.mismatch', { what: `${name} must be (batch, length)`, got: { shape: ids?.shape } })
  const [batch, length] = ids.shape as [number, number]
  const context: Context = {
    batch,
    length,
    positions: positions ?? iota([1, length], 1),
    hasGivenPositions: positions !== undefined,
    mask: {
      causal,
      ...(mask === undefined ? {} : { keep: cast(mask, 'bool') }),
      ...(documents === undefined ? {} : { documents }),
    },
    ...(tokenTypes === undefined ? {} : { tokenTypes }),
    ...(seed === undefined ? {} : { seed }),
    trace,
  }
  return { ids, context }
}
