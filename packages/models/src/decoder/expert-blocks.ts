/**
 * Rows of a mixture of experts in blocks of one expert each, so that what is computed follows the experts that were chosen, and not those
 * that there are. Source: arXiv:2211.15841 §5. Legend: n choices (tokens times experts each), E experts, blocks of B rows.
 */
import {
  add,
  cast,
  constant,
  div,
  gatherRows,
  iota,
  lessEqual,
  min,
  mul,
  neg,
  reduceSum,
  reshape,
  scatterAddRows,
  select,
  sub,
  type Tensor,
  topK,
} from '@espalier/core'

/** Where the rows of a mixture are. */
export interface ExpertBlocks {
  /** (blocks, B) i32: the token of each row. Rows beyond an expert's last one repeat token 0, and nobody reads what becomes of them. */
  readonly tokens: Tensor
  /** (blocks) i32: the expert of each block. */
  readonly experts: Tensor
  /** (tokens, choices) i32: the row, counted through all blocks, of each choice. */
  readonly places: Tensor
}

/** The blocks for chosen (tokens, choices) i32, experts of which each token has every one once at most. All shapes follow from the sizes alone. */
export function expertBlocks(chosen: Tensor, expertCount: number): ExpertBlocks {
  const [tokens, choices] = chosen.shape as [number, number]
  const count = tokens * choices
  const rows = rowsOfBlock(count, expertCount)
  const flat = reshape(cast(chosen, 'i32'), [count])
  const all = iota([count], 0)
  if (rows === 1) {
    return { tokens: reshape(div(all, choices), [count, 1]), experts: flat, places: reshape(all, [tokens, choices]) }
  }
  const blocks = blockCount(count, expertCount)
  const order = topK(cast(neg(flat), 'f32'), count).indices // by expert; of one expert, by token
  const choicesOf = scatterAddRows(flat, constant(1, 'i32', [count]), expertCount) // (E)
  const blocksOf = div(add(choicesOf, rows - 1), rows)
  const blockEnds = sumsTo(blocksOf)
  // An expert's first row, less the choices before it in order.
  const shifts = sub(mul(sub(blockEnds, blocksOf), rows), sub(sumsTo(choicesOf), choicesOf))
  const places = add(all, gatherRows(shifts, gatherRows(flat, order))) // (n), in order
  const isBefore = lessEqual(reshape(blockEnds, [1, expertCount]), iota([blocks, 1], 0))
  return {
    tokens: reshape(scatterAddRows(places, div(order, choices), blocks * rows), [blocks, rows]),
    experts: min(reduceSum(cast(isBefore, 'i32'), { axes: [1] }), expertCount - 1),
    places: reshape(scatterAddRows(order, places, count), [tokens, choices]),
  }
}

// Half of what an expert gets on average: at most half as many rows again as there are choices, and few copies of the matrices.
function rowsOfBlock(choices: number, experts: number): number {
  return Math.max(1, Math.floor(choices / (2 * experts)))
}

/** How many blocks hold any choices at most: an expert's last block may be short. */
function blockCount(choices: number, experts: number): number {
  const rows = rowsOfBlock(choices, experts)
  return Math.floor((choices + Math.min(choices, experts) * (rows - 1)) / rows)
}

/** x (size) -> at each place, the sum up to it, itself included. */
function sumsTo(x: Tensor): Tensor {
  const size = x.shape[0] as number
  const counts = lessEqual(iota([size, size], 1), iota([size, size], 0))
  return reduceSum(select(counts, reshape(x, [1, size]), 0), { axes: [1] })
}
