/** The next token from one row's logits, by transformers' processors in its order: repetition penalty, temperature, top-k, top-p. */
import type { Random } from '@espalier/core'
import { largest } from './largest.js'
import type { ResolvedOptions } from './options.js'

/** How to choose. */
export type Choice = Pick<ResolvedOptions, 'doSample' | 'temperature' | 'topK' | 'topP' | 'repetitionPenalty'>

/** The next token. logits (vocabulary): changed in place. seen: tokens that the penalty falls on. random: decides when sampling. */
export function chooseToken(logits: Float32Array, seen: Iterable<number>, random: Random, choice: Choice): number {
  const { doSample, temperature, topK, topP, repetitionPenalty } = choice
  if (repetitionPenalty !== 1) penalize(logits, seen, repetitionPenalty)
  if (!doSample) return largest(logits, 1)[0] as number
  // Dividing by the temperature keeps the order, so the likeliest tokens may be picked first.
  const [draw] = random.uniform(1, 1) as unknown as [number]
  const share = (draw + 1) / 2
  if (topK > 0 || topP < 1) return sampleAmong(logits, share, choice)
  return pick(weightsOf(logits, temperature), share)
}

function penalize(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  for (const token of new Set(seen)) {
    const score = logits[token] as number
    logits[token] = score < 0 ? score * penalty : score / penalty
  }
}

// Top-p is over what top-k left. Without top-k the candidates are doubled until they hold enough of the whole.
function sampleAmong(logits: Float32Array, share: number, { temperature, topK, topP }: Choice): number {
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
      return candidates[pick(weights.subarray(0, nucleus ?? weights.length), share)] as number
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
