/** Narrowing the candidates of a draw by their probabilities: transformers' warpers behind top-k and top-p, in its order. */
import type { ResolvedOptions } from './options.js'

/** How to narrow. */
export type Narrowing = Pick<ResolvedOptions, 'minP' | 'typicalP' | 'epsilonCutoff' | 'etaCutoff'>

/** weights: probabilities but for a factor. The same with 0 for those that are left out; the `least` likeliest always stay. */
export function narrowed(
  weights: Float64Array,
  { minP, typicalP, epsilonCutoff, etaCutoff }: Narrowing,
  least: number = 1,
): Float64Array {
  let left = weights
  const cut = (threshold: number) => atLeast(left, threshold, least)
  if (minP !== undefined) left = cut(minP * probabilities(left).reduce((a, b) => Math.max(a, b), 0))
  if (typicalP !== undefined && typicalP < 1) left = typical(left, typicalP, least)
  if (epsilonCutoff !== undefined && epsilonCutoff > 0) left = cut(epsilonCutoff)
  if (etaCutoff !== undefined && etaCutoff > 0) left = cut(etaThreshold(left, etaCutoff))
  return left
}

// Nguyen et al. 2024, "Turning up the heat: min-p sampling", and Hewitt et al. 2022, "Truncation sampling as language model desmoothing":
// what is less likely than a threshold goes.
function atLeast(weights: Float64Array, threshold: number, least: number): Float64Array {
  const kept = weightOfRank(weights, Math.min(least, weights.length))
  const whole = total(weights)
  return weights.map((weight) => (weight / whole < threshold && weight < kept ? 0 : weight))
}

// The rank-th largest, from 1.
function weightOfRank(weights: Float64Array, rank: number): number {
  if (rank === 1) return weights.reduce((a, b) => Math.max(a, b), 0)
  return Float64Array.from(weights).sort().at(-rank) as number
}

// Eta sampling: min(eta, sqrt(eta) e^-entropy).
function etaThreshold(weights: Float64Array, eta: number): number {
  return Math.min(eta, Math.sqrt(eta) * Math.exp(-entropyOf(probabilities(weights))))
}

// Meister et al. 2022, "Locally typical sampling": the tokens whose information is nearest to the entropy, until they reach the mass.
function typical(weights: Float64Array, mass: number, least: number): Float64Array {
  const shares = probabilities(weights)
  const entropy = entropyOf(shares)
  const distances = shares.map((share) => Math.abs(-Math.log(share) - entropy))
  const order = Array.from(distances.keys()).sort(
    (a, b) => (distances[a] as number) - (distances[b] as number) || a - b,
  )
  let reached = 0
  let last = 0
  while (last < order.length - 1) {
    reached += shares[order[last] as number] as number
    if (reached >= mass) break
    last++
  }
  const farthest = distances[order[Math.max(last, Math.min(least, order.length) - 1)] as number] as number
  return weights.map((weight, i) => ((distances[i] as number) > farthest ? 0 : weight))
}

function probabilities(weights: Float64Array): Float64Array {
  const whole = total(weights)
  return weights.map((weight) => weight / whole)
}

function entropyOf(shares: Float64Array): number {
  return -shares.reduce((sum, share) => (share > 0 ? sum + share * Math.log(share) : sum), 0)
}

function total(weights: Float64Array): number {
  return weights.reduce((a, b) => a + b, 0)
}
