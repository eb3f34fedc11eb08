/** Counting along rows: positions that leave padding out. */
import { cast, iota, lessEqual, matmul, type Tensor } from '@espalier/core'

/** How many tokens of the row are marked up to each one, itself included: marked (batch, tokens) bool -> (batch, tokens) i32. */
export function runningCount(marked: Tensor): Tensor {
  const length = marked.shape[1] as number
  // A running count as a product; float32 holds whole numbers up to 2^24 exactly.
  const isBefore = cast(lessEqual(iota([length, length], 0), iota([length, length], 1)), 'f32')
  return cast(matmul(cast(marked, 'f32'), isBefore), 'i32')
}
