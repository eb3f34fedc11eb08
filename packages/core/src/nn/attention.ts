/**
 * Scaled dot-product attention as named calls. Keys and values may have fewer heads than queries (grouped-query attention); scores
 * exist for a block of queries at a time, and a causal block reads only the keys before its end.
 */
import type { DType } from '../dtype.js'
import { add, and, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { less, lessEqual } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { iota } from '../graph/ops/iota.js'
import { matmul } from '../graph/ops/matmul.js'
import { pad } from '../graph/ops/pad.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { select } from '../graph/ops/select.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { log } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { softmax } from './softmax.js'

/** Scores of masked keys get this added; two of them still are finite, so a row without any key stays free of NaN. */
export function maskedScore(dtype: DType): number {
  return dtype === 'f16' ? -3e4 : -1e30
}
const QUERY_BLOCK = 128 // measured on CPU: causal blocks of 128 queries were the fastest at 512 tokens

/** Constants of attention. Query i stands at key position i + keys - queries. `window`: keys seen, the query's own included. */
export interface AttentionAttributes extends Readonly<Record<string, unknown>> {
  readonly scale: number
  readonly causal: boolean
  readonly window: number | null
}

interface Block {
  readonly start: number
  readonly end: number
  /** First and last (not included) key that any query of the block sees. */
  readonly from: number
  readonly to: number
}

/**
 * Call `attention`: inputs q (batch, heads, queries, size), k and v (batch, groups, keys, size), and optionally keep (batch, keys) bool;
 * outputs y as q, and the log of each query's sum of exponentials (batch, heads, queries). Source: arXiv:1706.03762 §3.2.1; arXiv:2305.13245.
 */
export const attentionCall: CallDefinition<AttentionAttributes> = {
  name: 'attention',
  body([q, k, v, keep], attributes) {
    const [query, key, value] = [q as Tensor, k as Tensor, v as Tensor]
    const parts = blocksOf(query, key, attributes).map((block) => {
      const scores = blockScores(query, key, keep, block, attributes)
      const probabilities = softmax(scores)
      const y = matmul(mergeQueries(probabilities), sliceAxis(value, 2, block.from, block.to))
      const top = reduceMax(scores, { axes: [-1] })
      const share = reduceMax(probabilities, { axes: [-1] }) // 1 / sum of exponentials
      return {
        y: ungroup(y, query, block),
        sums: reshape(sub(top, log(share)), [
          query.shape[0] as number,
          query.shape[1] as number,
          block.end - block.start,
        ]),
      }
    })
    return [
      concat(
        parts.map(({ y }) => y),
        2,
      ),
      concat(
        parts.map(({ sums }) => sums),
        2,
      ),
    ]
  },
  pullback({ inputs, outputs: [y, sums], cotangents: [g, ofSums], attributes }) {
    if (ofSums !== undefined) return undefined
    if (g === undefined || y === undefined || sums === undefined) return inputs.map(() => undefined)
    const [q, k, v, keep] = inputs as [Tensor, Tensor, Tensor, Tensor | undefined]
    const [dq, dk, dv] = call(
      attentionBackwardCall,
      [q, k, v, y, sums, g, ...(keep === undefined ? [] : [keep])],
      attributes,
    )
    return [dq, dk, dv, ...(keep === undefined ? [] : [undefined])]
  },
}

/**
 * Call `attentionBackward`: inputs q, k, v, y, sums (the outputs of `attention`), g (cotangent of y), and optionally keep; outputs the
 * cotangents of q, k and v. The body computes the probabilities as `attention` does, so a backend that inlines both shares them.
 */
export const attentionBackwardCall: CallDefinition<AttentionAttributes> = {
  name: 'attentionBackward',
  body([q, k, v, y, , g, keep], attributes) {
    const [query, key, value] = [q as Tensor, k as Tensor, v as Tensor]
    const dq: Tensor[] = []
    let dk: Tensor | undefined
    let dv: Tensor | undefined
    const toKeys = (part: Tensor, { from, to }: Block) =>
      pad(part, [0, 0, from, 0], [0, 0, (key.shape[2] as number) - to, 0])
    for (const block of blocksOf(query, key, attributes)) {
      const keys = sliceAxis(key, 2, block.from, block.to)
      const values = sliceAxis(value, 2, block.from, block.to)
      const probabilities = mergeQueries(softmax(blockScores(query, key, keep, block, attributes))) // (batch, groups, queries of a group, keys)
      const gBlock = group(g as Tensor, key, block)
      const delta = reduceSum(mul(gBlock, group(y as Tensor, key, block)), { axes: [-1], keepDims: true })
      const dScores = mul(probabilities, sub(matmul(gBlock, values, { transposeB: true }), delta))
      dq.push(ungroup(mul(matmul(dScores, keys), attributes.scale), query, block))
      const dKeys = toKeys(
        mul(matmul(dScores, group(query, key, block), { transposeA: true }), attributes.scale),
        block,
      )
      const dValues = toKeys(matmul(probabilities, gBlock, { transposeA: true }), block)
      dk = dk === undefined ? dKeys : add(dk, dKeys)
      dv = dv === undefined ? dValues : add(dv, dValues)
    }
    return [concat(dq, 2), dk as Tensor, dv as Tensor]
  },
}

/** Attention of queries to keys; `keep` (batch, keys) bool leaves keys out. Shapes as in `attentionCall`. */
export function attention(q: Tensor, k: Tensor, v: Tensor, attributes: AttentionAttributes, keep?: Tensor): Tensor {
  return call(attentionCall, [q, k, v, ...(keep === undefined ? [] : [keep])], attributes)[0] as Tensor
}

function blocksOf(q: Tensor, k: Tensor, { causal, window }: AttentionAttributes): Block[] {
  const [queries, keys] = [q.shape[2] as number, k.shape[2] as number]
  const size = causal ? QUERY_BLOCK : queries
  const blocks: Block[] = []
  for (let start = 0; start < queries; start += size) {
    const end = Math.min(start + size, queries)
    const offset = keys - queries
    blocks.push({
      start,
      end,
      from: window === null ? 0 : Math.max(0, start + offset - window + 1),
      to: causal ? end + offset : keys,
    })
  }
  return blocks.length > 0 ? blocks : [{ start: 0, end: 0, from: 0, to: keys }]
}

/** Masked scores of a block: (batch, groups, heads of a group, queries, keys). */
function blockScores(
  q: Tensor,
  k: Tensor,
  keep: Tensor | undefined,
  block: Block,
  attributes: AttentionAttributes,
): Tensor {
  const [batch, groups] = [k.shape[0] as number, k.shape[1] as number]
  const [queries, keys] = [block.end - block.start, block.to - block.from]
  const scores = mul(
    matmul(group(q, k, block), sliceAxis(k, 2, block.from, block.to), { transposeB: true }),
    attributes.scale,
  )
  let masked = reshape(scores, [batch, groups, (q.shape[1] as number) / groups, queries, keys])
  const seen = visible(block, (k.shape[2] as number) - (q.shape[2] as number), attributes)
  if (seen !== undefined) masked = add(masked, select(seen, constant(0, q.dtype), maskedScore(q.dtype)))
  if (keep !== undefined)
    masked = add(
      masked,
      reshape(select(sliceAxis(keep, 1, block.from, block.to), constant(0, q.dtype), maskedScore(q.dtype)), [
        batch,
        1,
        1,
        1,
        keys,
      ]),
    )
  return masked
}

/** Which keys a query of the block sees, (queries, keys) bool; undefined when it sees all. */
function visible(block: Block, offset: number, { causal, window }: AttentionAttributes): Tensor | undefined {
  const shape = [block.end - block.start, block.to - block.from]
  const position = add(iota(shape, 0), block.start + offset)
  const key = add(iota(shape, 1), block.from)
  const before = causal && shape[0] !== 1 ? lessEqual(key, position) : undefined
  const near = window !== null && block.to - block.from > window ? less(sub(position, key), window) : undefined
  return before !== undefined && near !== undefined ? and(before, near) : (before ?? near)
}

/** A block of queries by group: (batch, heads, queries, size) -> (batch, groups, heads of a group * queries, size). */
function group(q: Tensor, k: Tensor, block: Block): Tensor {
  const [batch, , , size] = q.shape as [number, number, number, number]
  return reshape(sliceAxis(q, 2, block.start, block.end), [batch, k.shape[1] as number, -1, size])
}

/** The inverse of `group`. */
function ungroup(y: Tensor, q: Tensor, block: Block): Tensor {
  return reshape(y, [q.shape[0] as number, q.shape[1] as number, block.end - block.start, q.shape[3] as number])
}

/** (batch, groups, heads of a group, queries, keys) -> (batch, groups, heads of a group * queries, keys). */
function mergeQueries(x: Tensor): Tensor {
  const [batch, groups, heads, queries, keys] = x.shape as [number, number, number, number, number]
  return reshape(x, [batch, groups, heads * queries, keys])
}
