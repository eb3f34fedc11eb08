/** Which row of the table of positions each token has. */
import { add, type Context, cast, constant, mul, notEqual, type Tensor } from '@espalier/core'
import { runningCount } from '../layers/running-count.js'

/** ids (batch, tokens) -> positions (batch or 1, tokens) i32. */
export type CountPositions = (ids: Tensor, context: Context) => Tensor

/** Positions as the context has them: given by the caller, or from 0 on. */
export const givenPositions: CountPositions = (_, context) => context.positions

/**
 * Positions that skip padding: padding has its own id as its position, and tokens count from the next number on. Given positions are rows
 * of the table as they are, without those before the first token's. So what is generated and rows that are packed have other positions
 * than rows that are read alone, in transformers too. Source: fairseq's make_positions; transformers' create_position_ids_from_input_ids.
 */
export function positionsAfterPadding(padding: number): CountPositions {
  return (ids, context) => {
    if (context.hasGivenPositions) return context.positions
    const isToken = notEqual(ids, constant(padding, ids.dtype))
    return add(mul(runningCount(isToken), cast(isToken, 'i32')), constant(padding, 'i32'))
  }
}
