/**
 * The loss of unbalanced routing in mixtures of experts: the number of experts times the sum, over experts, of the share of tokens that get
 * one times its mean probability, over the tokens of all layers. Source: arXiv:2101.03961 §2.2, as transformers' load_balancing_loss_func.
 */
import { add, div, mul } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { equal } from '../graph/ops/compare.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { iota } from '../graph/ops/iota.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import type { Tensor } from '../graph/tensor.js'

/** What names of captured tallies begin with. */
export const ROUTING = 'routing.'

/** What a router did: probabilities (tokens, experts) f32, and the experts that each token got (tokens, choices) i32. */
export interface Routed {
  readonly shares: Tensor
  readonly chosen: Tensor
  /** (batch, length) bool, the same tokens: false of padding. Default: all count. */
  readonly keep?: Tensor | undefined
}

/** The tally of a layer, (2 * experts + 1) f32: how many tokens got each expert, the sums of probabilities, and the number of tokens. */
export function routingTally({ shares, chosen, keep }: Routed): Tensor {
  const [tokens, experts] = shares.shape as [number, number]
  const choices = chosen.shape[1] as number
  const counts = keep === undefined ? constant(1, 'f32', [tokens, 1]) : cast(reshape(keep, [tokens, 1]), 'f32')
  const isChosen = equal(reshape(chosen, [tokens, choices, 1]), reshape(iota([experts], 0), [1, 1, experts]))
  const assigned = reduceSum(cast(isChosen, 'f32'), { axes: [1] }) // (tokens, experts)
  const overTokens = (x: Tensor) => reduceSum(mul(x, counts), { axes: [0] })
  return concat([overTokens(assigned), overTokens(shares), reshape(reduceSum(counts), [1])], 0)
}

/** The loss of the layers' tallies, of which there is one at least. */
export function routingLoss(tallies: readonly Tensor[]): Tensor {
  const all = tallies.reduce(add)
  const experts = ((all.shape[0] as number) - 1) / 2
  const part = (from: number, to: number) => sliceAxis(all, 0, from, to)
  const [assigned, shares, tokens] = [
    part(0, experts),
    part(experts, 2 * experts),
    reshape(part(2 * experts, 2 * experts + 1), []),
  ]
  return mul(div(reduceSum(mul(assigned, shares)), mul(tokens, tokens)), experts)
}
