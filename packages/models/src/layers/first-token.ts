/** The hidden state that stands for a row in an encoder. */
import { reshape, sliceAxis, type Tensor } from '@espalier/core'

/** hidden (batch, tokens, size) -> its first token (batch, size). */
export function firstTokens(hidden: Tensor): Tensor {
  return reshape(sliceAxis(hidden, 1, 0, 1), [hidden.shape[0] as number, hidden.shape[2] as number])
}
