/**
 * Scaled dot-product attention as named calls. Keys and values may have fewer heads than queries (grouped-query attention); scores
 * exist for a block of queries at a time, and a causal block reads only the keys before its end.
 */
import { add, and, mul, sub } from '../graph/ops/binary.js'
import { broadcast } from '../graph/ops/broadcast.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { equal, less, lessEqual } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { iota } from '../graph/ops/iota.js'
import { matmul } from '../graph/ops/matmul.js'
import { pad } from '../graph/ops/pad.js'
import { reduceMax, reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { log } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import {
  biasByGroup,
  biased,
  capped,
  cappedSlope,
  hidden,
  type ScoreAttributes,
  sinkScores,
} from './attention-scores.js'
import { dropout } from './dropout.js'
import { softmax } from './softmax.js'

const QUERY_BLOCK = 128 // measured on CPU: causal blocks of 128 queries were the fastest at 512 tokens

/** Constants of attention. Query i stands at key position i + keys - queries. */
export interface AttentionAttributes extends ScoreAttributes {
  /** Later keys are hidden. */
  readonly causal: boolean
}

/** What attention may be given besides queries, keys and values. */
export interface AttentionExtras {
  /** (batch, keys) bool: false leaves a key out. */
  readonly keep?: Tensor | undefined
  /** (batch, keys) i32, where queries are the keys' own tokens: a query sees the keys of its document alone. */
  readonly documents?: Tensor | undefined
  /** (1 or batch, 1 or heads, 1 or queries, keys): added to the scores, and has a gradient. */
  readonly bias?: Tensor | undefined
  /** (heads): scores of one more key each, which has no value. */
  readonly sinks?: Tensor | undefined
  /** Zeroes a share `rate` of the probabilities. seed: u32 scalar; site: a module path. */
  readonly dropout?: (AttentionDropout & { readonly seed: Tensor }) | undefined
}

interface AttentionDropout {
  readonly rate: number
  readonly site: string
}

const EXTRA_INPUTS = ['keep', 'documents', 'bias', 'sinks', 'seed'] as const
type ExtraInputs = { readonly [name in (typeof EXTRA_INPUTS)[number]]?: Tensor | undefined }

interface CallAttributes extends AttentionAttributes {
  /** The inputs after those that every call has, in this order. */
  readonly extras: readonly (typeof EXTRA_INPUTS)[number][]
  readonly dropout?: AttentionDropout
}

/** Attention of queries (batch, heads, queries, size) to keys and values (batch, groups, keys, size); shaped as the queries. */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  attributes: AttentionAttributes,
  extras: AttentionExtras = {},
): Tensor {
  return attentionWithSums(q, k, v, attributes, extras).y
}

/** As `attention`, with the log of each query's sum of exponentials, (batch, heads, queries), sinks included. */
export function attentionWithSums(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  attributes: AttentionAttributes,
  { dropout, ...rest }: AttentionExtras = {},
): { readonly y: Tensor; readonly sums: Tensor } {
  const given: ExtraInputs = { ...rest, seed: dropout?.seed }
  const extras = EXTRA_INPUTS.filter((name) => given[name] !== undefined)
  const drops = dropout === undefined ? {} : { dropout: { rate: dropout.rate, site: dropout.site } }
  const inputs = [q, k, v, ...extras.map((name) => given[name] as Tensor)]
  const [y, sums] = call(attentionCall, inputs, { ...attributes, ...drops, extras })
  return { y: y as Tensor, sums: sums as Tensor }
}

/**
 * Call `attention`: inputs q, k, v and those that `extras` names; outputs y as q, and the log of each query's sum of exponentials
 * (batch, heads, queries). Source: arXiv:1706.03762 §3.2.1; arXiv:2305.13245.
 */
export const attentionCall: CallDefinition<CallAttributes> = {
  name: 'attention',
  body([q, k, v, ...rest], attributes) {
    const [query, key, value] = [q as Tensor, k as Tensor, v as Tensor]
    const extras = named(rest, attributes)
    const parts = blocksOf(query, key, attributes).map((block) => {
      const { scores, probabilities, ofKeys } = shares(query, key, extras, block, attributes)
      const kept = dropped(ofKeys, extras, block, attributes)
      const y = matmul(kept, sliceAxis(value, 2, block.from, block.to))
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
    const [q, k, v, ...rest] = inputs as [Tensor, Tensor, Tensor, ...Tensor[]]
    const [dq, dk, dv, ...learned] = call(attentionBackwardCall, [q, k, v, y, sums, g, ...rest], attributes)
    return [dq, dk, dv, ...attributes.extras.map((name) => (isLearned(name) ? learned.shift() : undefined))]
  },
}

/**
 * Call `attentionBackward`: inputs q, k, v, y, sums (the outputs of `attention`), g (cotangent of y), and those that `extras` names;
 * outputs the cotangents of q, k, v, and of bias and sinks where they are given. The body computes the probabilities as `attention`
 * does, so a backend that inlines both shares them.
 */
export const attentionBackwardCall: CallDefinition<CallAttributes> = {
  name: 'attentionBackward',
  body([q, k, v, y, , g, ...rest], attributes) {
    const [query, key, value] = [q as Tensor, k as Tensor, v as Tensor]
    const extras = named(rest, attributes)
    const delta = reduceSum(mul(g as Tensor, y as Tensor), { axes: [-1], keepDims: true })
    const dq: Tensor[] = []
    const sums = new Map<string, Tensor>()
    const accumulate = (name: string, part: Tensor) => {
      const sum = sums.get(name)
      sums.set(name, sum === undefined ? part : add(sum, part))
    }
    const toKeys = (part: Tensor, { from, to }: Block) =>
      pad(part, [0, 0, from, 0], [0, 0, (key.shape[2] as number) - to, 0])
    for (const block of blocksOf(query, key, attributes)) {
      const keys = sliceAxis(key, 2, block.from, block.to)
      const values = sliceAxis(value, 2, block.from, block.to)
      const { products, probabilities, ofKeys } = shares(query, key, extras, block, attributes)
      const gBlock = group(g as Tensor, key, block)
      const deltaBlock = group(delta, key, block)
      const dProbabilities = dropped(matmul(gBlock, values, { transposeB: true }), extras, block, attributes)
      const dScores = mul(ofKeys, sub(dProbabilities, deltaBlock))
      const { softCap, scale } = attributes
      const dProducts = softCap === undefined ? dScores : mul(dScores, cappedSlope(products, softCap))
      dq.push(ungroup(mul(matmul(dProducts, keys), scale), query, block))
      const dKeys = mul(matmul(dProducts, group(query, key, block), { transposeA: true }), scale)
      const kept = dropped(ofKeys, extras, block, attributes)
      accumulate('k', toKeys(dKeys, block))
      accumulate('v', toKeys(matmul(kept, gBlock, { transposeA: true }), block))
      if (extras.bias !== undefined) accumulate('bias', toBias(dScores, extras.bias, query, block))
      if (extras.sinks !== undefined) accumulate('sinks', toSinks(probabilities, deltaBlock, query))
    }
    return [
      concat(dq, 2),
      ...['k', 'v', ...attributes.extras.filter(isLearned)].map((name) => sums.get(name) as Tensor),
    ]
  },
}

function isLearned(name: string): boolean {
  return name === 'bias' || name === 'sinks'
}

function named(rest: readonly Tensor[], { extras }: CallAttributes): ExtraInputs {
  return Object.fromEntries(extras.map((name, i) => [name, rest[i]]))
}

interface Block {
  readonly start: number
  readonly end: number
  /** First and last (not included) key that any query of the block sees. */
  readonly from: number
  readonly to: number
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

interface Shares {
  /** Capped products, before bias and masks. */
  readonly products: Tensor
  readonly scores: Tensor
  /** Of the keys and, where there is one, the sink. */
  readonly probabilities: Tensor
  readonly ofKeys: Tensor
}

/** What a block's queries make of its keys: each (batch, groups, heads of a group * queries, keys). */
function shares(q: Tensor, k: Tensor, extras: ExtraInputs, block: Block, attributes: AttentionAttributes): Shares {
  const [batch, groups] = [k.shape[0] as number, k.shape[1] as number]
  const [queries, keys] = [block.end - block.start, block.to - block.from]
  const heads = (q.shape[1] as number) / groups
  const keysOfBlock = sliceAxis(k, 2, block.from, block.to)
  const products = capped(
    mul(matmul(group(q, k, block), keysOfBlock, { transposeB: true }), attributes.scale),
    attributes,
  )
  const { keep, documents, bias, sinks } = extras
  const seen = visible(block, (k.shape[2] as number) - (q.shape[2] as number), attributes)
  const near = documents === undefined ? seen : within(documents, block, seen)
  const masks = [
    near && mergeQueries(reshape(hidden(near, q.dtype), [-1, 1, 1, queries, keys]), heads, queries),
    keep && reshape(hidden(sliceAxis(keep, 1, block.from, block.to), q.dtype), [batch, 1, 1, keys]),
  ]
  const own = bias && mergeQueries(biasByGroup(biasOf(bias, block), groups), heads, queries)
  const scores = biased(products, own, masks)
  if (sinks === undefined) {
    const probabilities = softmax(scores)
    return { products, scores, probabilities, ofKeys: probabilities }
  }
  const ofSinks = mergeQueries(sinkScores(sinks, [batch, groups, heads, queries]), heads, queries)
  const all = concat([scores, ofSinks], 3)
  const probabilities = softmax(all)
  return { products, scores: all, probabilities, ofKeys: sliceAxis(probabilities, 3, 0, keys) }
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

/** The keys of each query's own document among those that are `seen`: (batch, queries, keys) bool. */
function within(documents: Tensor, { start, end, from, to }: Block, seen: Tensor | undefined): Tensor {
  const batch = documents.shape[0] as number
  const ofQueries = reshape(sliceAxis(documents, 1, start, end), [batch, end - start, 1])
  const same = equal(ofQueries, reshape(sliceAxis(documents, 1, from, to), [batch, 1, to - from]))
  return seen === undefined ? same : and(same, reshape(seen, [1, ...seen.shape]))
}

/** A value per query and key, (batch, groups, heads of a group * queries, keys), as dropout leaves it; each block has bits of its own. */
function dropped(x: Tensor, { seed }: ExtraInputs, { start }: Block, { dropout: drops }: CallAttributes): Tensor {
  if (seed === undefined || drops === undefined) return x
  return dropout(x, seed, drops.rate, start === 0 ? drops.site : `${drops.site} from ${start}`)
}

/** The part of a bias that a block reads. */
function biasOf(bias: Tensor, { start, end, from, to }: Block): Tensor {
  const rows = bias.shape[2] === 1 ? bias : sliceAxis(bias, 2, start, end)
  return sliceAxis(rows, 3, from, to)
}

/** A block's cotangents of scores, (batch, groups, heads of a group * queries, keys), in the shape of the whole bias. */
function toBias(dScores: Tensor, bias: Tensor, q: Tensor, { start, end, from, to }: Block): Tensor {
  const [batch, heads] = q.shape as [number, number]
  const [, , rows, keys] = bias.shape as [number, number, number, number]
  const apart = reshape(dScores, [batch, heads, end - start, to - from])
  const axes = [0, 1, 2].filter((axis) => bias.shape[axis] === 1)
  const [before, after] = rows === 1 ? [0, 0] : [start, rows - end]
  return pad(reduceSum(apart, { axes, keepDims: true }), [0, 0, before, from], [0, 0, after, keys - to])
}

/** Cotangent of the sinks: what the probabilities' sum takes from them, having no value of their own. */
function toSinks(probabilities: Tensor, delta: Tensor, q: Tensor): Tensor {
  const [batch, groups, rows, keys] = probabilities.shape as [number, number, number, number]
  const heads = q.shape[1] as number
  const taken = mul(mul(sliceAxis(probabilities, 3, keys - 1, keys), delta), -1)
  return reduceSum(reshape(taken, [batch, heads, (groups * rows) / heads]), { axes: [0, 2] })
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

/** What is added to scores, (.., .., 1 or heads of a group, 1 or queries, keys) -> (.., .., heads of a group * queries or 1, keys). */
function mergeQueries(x: Tensor, heads: number, queries: number): Tensor {
  const [batch, groups, ownHeads, ownQueries, keys] = x.shape as [number, number, number, number, number]
  if (ownHeads * ownQueries === 1) return reshape(x, [batch, groups, 1, keys])
  return reshape(broadcast(x, [batch, groups, heads, queries, keys]), [batch, groups, heads * queries, keys])
}
