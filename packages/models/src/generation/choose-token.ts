/** The next token from one row's logits: the likeliest, or a draw by temperature, top-k, top-p and what narrows further, in that order. */
import type { Random } from '@espalier/core'
import { type Narrowing, narrowed } from './candidates.js'
import { largest } from './largest.js'
import type { ResolvedOptions } from './options.js'

/** How to choose. */
export type Choice = Pick<ResolvedOptions, 'doSample' | 'temperature' | 'topK' | 'topP'> & Narrowing

/** The next token. logits (vocabulary). random: decides when sampling. */
export function chooseToken(logits: Float32Array, random: Random, choice: Choice): number {
  const { doSample, temperature, topK, topP } = choice
  if (!doSample) return largest(logits, 1)[0] as number
  // Dividing by the temperature keeps the order, so the likeliest tokens may be picked first.
  const [draw] = random.uniform(1, 1) as unknown as [number]
  const share = (draw + 1) / 2
  if (topK > 0 || topP < 1) return sampleAmong(logits, share, choice)
  return pick(narrowed(weightsOf(logits, temperature), choice), share)
}

// Top-p is over what top-k left. Without top-k the candidates are doubled until they hold enough of the whole.
function sampleAmong(logits: Float32Array, share: number, choice: Choice): number {
  const { temperature, topK, topP } = choice
  const whole = topK > 0 ? undefined : sum(weightsOf(logits, temperature))
  let count = topK > 0 ? Math.min(topK, logits.length) : Math.min(256, logits.length)
  while (true) {
    const candidates = largest(logits, count)
    const weights = weightsOf(
      Float32Array.from(candidates, (token) => logits[token] as number),
      temperature,
    )
    const nucleus = nucleusSize(weights, topP * (whole ?? sum(weights)))
    if (nucleus !== undefined || count === logits.length || whole === undefined) {
      return candidates[pick(narrowed(weights.subarray(0, nucleus ?? weights.length), choice), share)] as number
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

/** e^((logit - largest) / temperature): probabilities but for a factor, the largest being 1. */
function weightsOf(logits: Float32Array, temperature: number): Float64Array {
  let top = Number.NEGATIVE_INFINITY
  for (const logit of logits) top = Math.max(top, logit)
  const weights = new Float64Array(logits.length)
  for (let i = 0; i < logits.length; i++) weights[i] = Math.exp(((logits[i] as number) - top) / temperature)
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
