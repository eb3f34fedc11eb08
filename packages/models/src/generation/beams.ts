/** The beams of one prompt, as transformers' `_beam_search` keeps them: scores are f32, sums of log-probabilities. */
import { largest } from './largest.js'

const IMPOSSIBLE = -1e9 // transformers' stand-in for minus infinity; adding it keeps the order only roughly, and that is part of the result

/** How beams are compared, and when they end. */
export interface BeamSettings {
  readonly numBeams: number
  /** Scores of ended beams are divided by their length to this power. */
  readonly lengthPenalty: number
  /** true: ends with as many ended beams as there are beams. false: when no running beam scores better at its present length; "never": at any length. */
  readonly earlyStopping: boolean | 'never'
  /** Most new tokens. */
  readonly most: number
  /** How many end tokens there are: with more of them, more candidates are looked at. */
  readonly endTokens: number
  /** The places of `count` candidates among the scores of all, those of a beam one after the other: the best first, or drawn without putting back. */
  readonly choose: (scores: Float32Array, count: number) => readonly number[]
  /** Whether a beam ends with the last of its tokens. */
  readonly ends: (tokens: readonly number[]) => boolean
}

/** Candidates of each step for every beam: enough that a beam goes on when the best of them ended. */
export function candidatesPerBeam(endTokens: number): number {
  return Math.max(2, 1 + endTokens)
}

/** New tokens with their score. */
export interface Beam {
  readonly tokens: readonly number[]
  readonly score: number
}

interface Ended extends Beam {
  readonly isWhole: boolean
}

/** The beams of one prompt in the course of a search. */
export class Beams {
  /** What goes on, best first. */
  running: readonly Beam[]
  /** The running beam before the last step that each running one goes on from. */
  parents: readonly number[] = []
  /** What ended, best first. */
  ended: readonly Ended[]
  /** Whether a running beam may still end better. */
  isOpen = true
  /** Whether all candidates of the last step ended. */
  isStuck = false

  constructor(private readonly settings: BeamSettings) {
    const { numBeams } = settings
    this.running = Array.from({ length: numBeams }, (_, beam) => ({ tokens: [], score: beam === 0 ? 0 : IMPOSSIBLE }))
    this.ended = Array.from({ length: numBeams }, () => ({ tokens: [], score: IMPOSSIBLE, isWhole: false }))
  }

  /** Whether as many beams ended as there are beams. */
  get isFull(): boolean {
    return this.ended.every(({ isWhole }) => isWhole)
  }

  /** One more token. logProbabilities: (vocabulary) for each running beam. */
  advance(logProbabilities: readonly Float32Array[]): void {
    const { numBeams, ends } = this.settings
    const candidates = this.candidates(logProbabilities).map((candidate) => ({
      ...candidate,
      hasEnded: ends(candidate.tokens),
    }))
    const open = Float32Array.from(candidates, ({ score, hasEnded }) =>
      hasEnded ? Math.fround(score + IMPOSSIBLE) : score,
    )
    const next = largest(open, numBeams)
    this.end(candidates)
    this.running = next.map((i) => ({ tokens: candidates[i]?.tokens ?? [], score: open[i] as number }))
    this.parents = next.map((i) => candidates[i]?.parent as number)
    this.isStuck = candidates.every(({ hasEnded }) => hasEnded)
    this.isOpen &&= this.mayImprove()
  }

  private candidates(logProbabilities: readonly Float32Array[]): (Beam & { readonly parent: number })[] {
    const { numBeams, endTokens, choose } = this.settings
    const width = logProbabilities[0]?.length as number
    const scores = new Float32Array(numBeams * width)
    for (const [beam, row] of logProbabilities.entries()) {
      const score = this.running[beam]?.score as number
      for (let token = 0; token < width; token++) scores[beam * width + token] = (row[token] as number) + score
    }
    return choose(scores, candidatesPerBeam(endTokens) * numBeams).map((place) => {
      const parent = Math.floor(place / width)
      const before = this.running[parent]?.tokens ?? []
      return { parent, tokens: [...before, place % width], score: scores[place] as number }
    })
  }

  // Candidates behind the first `numBeams` only keep the search going.
  private end(candidates: readonly (Beam & { readonly hasEnded: boolean })[]): void {
    const { numBeams, earlyStopping } = this.settings
    const isClosed = earlyStopping === true && this.isFull
    const made = candidates.map(({ tokens, score, hasEnded }, i) => {
      const isWhole = hasEnded && i < numBeams
      let final = this.normalized(score, tokens.length)
      for (const out of [isClosed, !this.isOpen, !isWhole]) if (out) final = Math.fround(final + IMPOSSIBLE)
      return { tokens, score: final, isWhole }
    })
    const all = [...this.ended, ...made]
    const scores = Float32Array.from(all, ({ score }) => score)
    this.ended = largest(scores, numBeams).map((i) => all[i] as Ended)
  }

  private mayImprove(): boolean {
    const { lengthPenalty, earlyStopping, most } = this.settings
    const [best] = this.running
    if (best === undefined) return false
    const length = earlyStopping === 'never' && lengthPenalty > 0 ? most : best.tokens.length
    const possible = this.normalized(best.score, length)
    const worst = Math.min(...this.ended.map(({ score }) => score))
    return this.ended.some(({ isWhole }) => possible > (isWhole ? worst : IMPOSSIBLE))
  }

  private normalized(score: number, length: number): number {
    return Math.fround(score / Math.fround(length ** this.settings.lengthPenalty))
  }
}
