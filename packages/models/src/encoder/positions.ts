/** Which row of the table of positions each token has. */
import { add, type Context, cast, constant, iota, lessEqual, matmul, mul, notEqual, type Tensor } from '@espalier/core'

/** ids (batch, tokens) -> positions (batch or 1, tokens) i32. */
export type CountPositions = (ids: Tensor, context: Context) => Tensor

/** Positions as the context has them: given by the caller, or from 0 on. */
export const givenPositions: CountPositions = (_, context) => context.positions

/**
 * Positions that skip padding, unless the caller gave others: padding has its own id as its position, and tokens count from the next
 * number on. Source: fairseq's make_positions; transformers' create_position_ids_from_input_ids.
 */
export function positionsAfterPadding(padding: number): CountPositions {
  return (ids, context) => {
    if (context.hasGivenPositions) return context.positions
    const length = context.length
    const isToken = cast(notEqual(ids, constant(padding, ids.dtype)), 'f32')
    // A running count as a product; float32 holds whole numbers up to 2^24 exactly.
    const isBefore = cast(lessEqual(iota([length, length], 0), iota([length, length], 1)), 'f32')
    const counted = mul(matmul(isToken, isBefore), isToken)
    return add(cast(counted, 'i32'), constant(padding, 'i32'))
  }
}
