/** From products of queries and keys to the scores that softmax takes: what every form of attention has in common, in one order. */
import type { DType } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { broadcast } from '../graph/ops/broadcast.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { reshape } from '../graph/ops/reshape.js'
import { select } from '../graph/ops/select.js'
import { tanh } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'

/** What a model does to scores. `window`: keys seen, the query's own included. */
export interface ScoreAttributes extends Readonly<Record<string, unknown>> {
  readonly scale: number
  readonly window: number | null
  /** Scores become cap * tanh(score / cap), before bias and masks. Source: arXiv:2408.00118 §2. */
  readonly softCap?: number
}

/** Scores of masked keys get this added; two of them still are finite, so a row without any key stays free of NaN. */
export function maskedScore(dtype: DType): number {
  return dtype === 'f16' ? -3e4 : -1e30
}

/** What is added to scores: 0 where `seen` (bool), `maskedScore` elsewhere. */
export function hidden(seen: Tensor, dtype: DType): Tensor {
  return select(seen, constant(0, dtype), maskedScore(dtype))
}

/** Scaled products, capped. */
export function capped(scores: Tensor, { softCap }: Pick<ScoreAttributes, 'softCap'>): Tensor {
  return softCap === undefined ? scores : mul(tanh(mul(scores, 1 / softCap)), softCap)
}

/** The factor from cotangents of capped scores to those of scaled products. */
export function cappedSlope(scores: Tensor, softCap: number): Tensor {
  const share = mul(scores, 1 / softCap)
  return add(mul(mul(share, share), -1), 1)
}

/** Capped scores with a bias that broadcasts to them, and masks of such shapes. */
export function biased(scores: Tensor, bias: Tensor | undefined, masks: readonly (Tensor | undefined)[]): Tensor {
  const terms = [bias, ...masks].filter((term) => term !== undefined)
  return terms.reduce((sum, term) => add(sum, term), scores)
}

/** A bias (1 or batch, 1 or heads, queries, keys) in the shape of scores by group. */
export function biasByGroup(bias: Tensor, groups: number): Tensor {
  const [batch, heads, queries, keys] = bias.shape as [number, number, number, number]
  return reshape(bias, heads === 1 ? [batch, 1, 1, queries, keys] : [batch, groups, heads / groups, queries, keys])
}

/**
 * Scores of each head's sink (heads), a last key without a value, for rows of scores (batch, groups, heads of a group, queries): with a
 * last axis of 1. Source: arXiv:2309.17453 §3.3, learned as in gpt-oss.
 */
export function sinkScores(sinks: Tensor, rows: readonly [number, number, number, number]): Tensor {
  const [, groups, heads] = rows
  return broadcast(reshape(sinks, [1, groups, heads, 1, 1]), [...rows, 1])
}

/** Scores (batch, groups, heads of a group, queries, keys) with each head's sink as a last key. */
export function withSinks(scores: Tensor, sinks: Tensor | undefined): Tensor {
  if (sinks === undefined) return scores
  const [batch, groups, heads, queries] = scores.shape as [number, number, number, number]
  return concat([scores, sinkScores(sinks, [batch, groups, heads, queries])], 4)
}
