/** Which token's hidden state stands for a row when a causal model classifies. */
import { add, cast, constant, gatherRows, iota, mul, notEqual, reduceMax, reshape, type Tensor } from '@espalier/core'

/**
 * hidden (batch, tokens, size) -> (batch, size) at each row's last token that is not padding; its first token when all are. Without a
 * padding id it is the last column. As transformers does, whatever the attention mask says.
 */
export function lastTokens(hidden: Tensor, ids: Tensor, padding: number | null): Tensor {
  const [batch, tokens, size] = hidden.shape as [number, number, number]
  const column = iota([batch, tokens], 1)
  const last =
    padding === null
      ? constant(tokens - 1, 'i32', [batch])
      : reduceMax(mul(column, cast(notEqual(ids, constant(padding, ids.dtype)), 'i32')), { axes: [1] })
  const row = add(mul(iota([batch], 0), constant(tokens, 'i32')), last)
  return gatherRows(reshape(hidden, [batch * tokens, size]), row)
}
