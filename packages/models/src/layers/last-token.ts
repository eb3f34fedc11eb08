/** Which token's hidden state stands for a row when a model classifies by one of the last. */
import {
  add,
  cast,
  constant,
  EspalierError,
  equal,
  gatherRows,
  iota,
  mul,
  notEqual,
  reduceMax,
  reshape,
  type Tensor,
} from '@espalier/core'

/**
 * hidden (batch, tokens, size) -> (batch, size) at each row's last token that is not padding; its first token when all are. Without a
 * padding id it is a single row's last token, and several rows are refused with model.padding. As transformers does, whatever the
 * attention mask says.
 */
export function lastTokens(hidden: Tensor, ids: Tensor, padding: number | null): Tensor {
  const [batch, tokens] = hidden.shape as [number, number, number]
  if (padding === null && batch > 1)
    throw new EspalierError('model.padding', {
      what: 'several rows cannot be classified at once: the model names no padding token, so where each row ends is not known',
      got: { rows: batch, pad_token_id: null },
      fix: 'Set pad_token_id in config.json to the token that pads your rows, or give one row at a time',
    })
  const last =
    padding === null ? constant(tokens - 1, 'i32', [batch]) : lastColumn(notEqual(ids, constant(padding, ids.dtype)))
  return tokensAt(hidden, last)
}

/** hidden (batch, tokens, size) -> (batch, size) at each row's last `token`; its first token where it has none. */
export function lastOfToken(hidden: Tensor, ids: Tensor, token: number): Tensor {
  return tokensAt(hidden, lastColumn(equal(ids, constant(token, ids.dtype))))
}

// wanted (batch, tokens) bool -> (batch), the last column that is.
function lastColumn(wanted: Tensor): Tensor {
  return reduceMax(mul(iota(wanted.shape, 1), cast(wanted, 'i32')), { axes: [1] })
}

function tokensAt(hidden: Tensor, column: Tensor): Tensor {
  const [batch, tokens, size] = hidden.shape as [number, number, number]
  const row = add(mul(iota([batch], 0), constant(tokens, 'i32')), column)
  return gatherRows(reshape(hidden, [batch * tokens, size]), row)
}
