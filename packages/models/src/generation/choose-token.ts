/** The next token from one row's logits: the likeliest, or a draw by temperature, top-k, top-p and what narrows further, in that order. */
import type { Random } from '@espalier/core'
import { type Narrowing, narrowed } from './candidates.js'
import { largest } from './largest.js'
import type { ResolvedOptions } from './options.js'

/** How to choose. */
export type Choice = Pick<ResolvedOptions, 'doSample' | 'temperature' | 'topK' | 'topP'> & Narrowing

/** Tokens that may be drawn, with their probabilities but for a factor. */
export interface Candidates {
  readonly tokens: ArrayLike<number>
  readonly weights: Float64Array
}

/** The next token. logits (vocabulary). random: decides when sampling. */
export function chooseToken(logits: Float32Array, random: Random, choice: Choice): number {
  if (!choice.doSample) return largest(logits, 1)[0] as number
  const [draw] = random.uniform(1, 1) as unknown as [number]
  const { tokens, weights } = candidatesOf(logits, choice, 1)
  return tokens[pick(weights, (draw + 1) / 2)] as number
}

/** What a draw is among. logits (vocabulary). least: how many of the likeliest tokens always stay. */
export function candidatesOf(logits: Float32Array, choice: Choice, least: number): Candidates {
  const { temperature, topK, topP } = choice
  if (topK === 0 && topP === 1)
    return { tokens: logits.map((_, token) => token), weights: narrowed(weightsOf(logits, temperature), choice, least) }
  // Dividing by the temperature keeps the order, so the likeliest tokens may be picked first. Top-p is over what top-k left; without
  // top-k the candidates are doubled until they hold enough of the whole.
  const whole = topK > 0 ? undefined : sum(weightsOf(logits, temperature))
  let count = Math.min(topK > 0 ? Math.max(topK, least) : 256, logits.length)
  while (true) {
    const tokens = largest(logits, count)
    const weights = weightsOf(
      Float32Array.from(tokens, (token) => logits[token] as number),
      temperature,
    )
    const nucleus = nucleusSize(weights, topP * (whole ?? sum(weights)))
    if (nucleus !== undefined || count === logits.length || whole === undefined) {
      const kept = Math.max(nucleus ?? weights.length, least)
      return { tokens, weights: narrowed(weights.subarray(0, kept), choice, least) }
    }
    count = Math.min(count * 4, logits.length)
  }
}

/** How many of the descending weights reach `wanted`; undefined when all together do not. */
function nucleusSize(weights: Float64Array, wanted: number): number | undefined {
  let total = 0
  for (let i = 0; i < weights.length; i++) {
    total += weights[i] as number
    if (total >= wanted) return i + 1
  }
  return undefined
}

/** e^((logit - largest) / temperature): probabilities but for a factor, the largest being 1. Above 0 for all but minus infinity: what is unlikely is not left out. */
function weightsOf(logits: Float32Array, temperature: number): Float64Array {
  let top = Number.NEGATIVE_INFINITY
  for (const logit of logits) top = Math.max(top, logit)
  const weights = new Float64Array(logits.length)
  for (const [i, logit] of logits.entries()) {
    const weight = Math.exp((logit - top) / temperature)
    weights[i] = logit > Number.NEGATIVE_INFINITY ? Math.max(weight, Number.MIN_VALUE) : weight
  }
  return weights
}

/** The index at which the running sum passes `share` of the whole. */
function pick(weights: Float64Array, share: number): number {
  let left = share * sum(weights)
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number
    if (left < 0) return i
  }
  return weights.length - 1
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
