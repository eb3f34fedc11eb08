/** From a program's feeds to a context: the names that every collator, loss and program agrees on. */
import { EspalierError } from '../errors.js'
import { cast } from '../graph/ops/cast.js'
import { iota } from '../graph/ops/iota.js'
import type { Tensor } from '../graph/tensor.js'
import { type Context, Trace } from '../module/context.js'

/**
 * Feeds of a batch. `input_ids` (batch, length) i32; optional `attention_mask` (batch, length) bool or integer, `position_ids`
 * (batch, length) i32, `token_type_ids` (batch, length) i32, `seed` u32 scalar (makes dropout active).
 */
export type ModelInputs = Readonly<Record<string, Tensor>>

/** The ids and the context of a pass over the inputs. Positions count from 0 in every row unless they are given. */
export function passOf(
  inputs: ModelInputs,
  causal: boolean,
  trace: Trace = new Trace(),
): { readonly ids: Tensor; readonly context: Context } {
  const ids = inputs.input_ids
  if (ids === undefined || ids.shape.length !== 2)
    throw new EspalierError('shape.mismatch', { what: 'input_ids must be (batch, length)', got: { shape: ids?.shape } })
  const [batch, length] = ids.shape as [number, number]
  const { attention_mask: mask, position_ids: positions, token_type_ids: tokenTypes, seed } = inputs
  const context: Context = {
    batch,
    length,
    positions: positions ?? iota([1, length], 1),
    hasGivenPositions: positions !== undefined,
    mask: { causal, ...(mask === undefined ? {} : { keep: cast(mask, 'bool') }) },
    ...(tokenTypes === undefined ? {} : { tokenTypes }),
    ...(seed === undefined ? {} : { seed }),
    trace,
  }
  return { ids, context }
}
