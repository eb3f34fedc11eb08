/** Beams that are drawn, not the best ones: what narrows a draw for each beam, and drawing among all of a prompt without putting back. */
import type { Random } from '@espalier/core'
import { type Choice, candidatesOf } from './choose-token.js'
import { largest } from './largest.js'

/** scores (vocabulary): log-probabilities -> the same by the temperature, with minus infinity for what a draw leaves out. least: how many of the likeliest stay. */
export function narrowedScores(scores: Float32Array, choice: Choice, least: number): Float32Array {
  const { tokens, weights } = candidatesOf(scores, choice, least)
  const narrowed = new Float32Array(scores.length).fill(Number.NEGATIVE_INFINITY)
  for (const [i, weight] of weights.entries()) {
    const token = tokens[i] as number
    if (weight > 0) narrowed[token] = (scores[token] as number) / choice.temperature
  }
  return narrowed
}

const MOST = 1 - 2 ** -25 // the largest share below 1 that a float32 draw rounds to

/**
 * `count` places of scores, drawn by their softmax without putting back, in the order of the draws: the largest of the scores with Gumbel
 * noise. Source: arXiv:1903.06059 §3.
 */
export function drawnPlaces(scores: Float32Array, count: number, random: Random): number[] {
  const draws = random.uniform(scores.length, 0.5)
  const noisy = scores.map((score, i) => {
    if (score === Number.NEGATIVE_INFINITY) return score
    return score - Math.log(-Math.log(Math.min((draws[i] as number) + 0.5, MOST)))
  })
  return largest(noisy, count)
}
