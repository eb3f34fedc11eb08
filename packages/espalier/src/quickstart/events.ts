/** What the demonstration tells while it runs, and what it came to. Showing it is the command line's. */
import type { TrainingEvent } from '@espalier/trainer'

/** One held-out row and what the model made of it. */
export interface QuickstartSample {
  readonly prompt: string
  readonly expected: string
  readonly answer: string
}

/** Right answers, letter by letter, out of all. */
export interface QuickstartScore {
  readonly correct: number
  readonly total: number
}

/** The parts of the demonstration, in order. */
export type QuickstartStage = 'score-before' | 'train' | 'score-after' | 'reload' | 'train-control' | 'score-control'

/** What a score is of: the base model; the trained adapter; an adapter trained on shuffled answers; the best answer that is always the same. */
export type QuickstartScoreOf = 'before' | 'after' | 'control' | 'constant'

/** Everything that the demonstration tells. */
export type QuickstartEvent =
  | {
      readonly type: 'base'
      readonly path: string
      readonly parameters: number
      readonly byteLength: number
      /** Where the model is from, in a sentence. */
      readonly origin: string
      readonly backend: string
    }
  | {
      readonly type: 'data'
      readonly path: string
      readonly trainRows: number
      readonly heldOutRows: number
      /** What there is to learn, in a sentence. */
      readonly skill: string
    }
  | { readonly type: 'stage'; readonly stage: QuickstartStage }
  | { readonly type: 'samples'; readonly when: 'before' | 'after'; readonly samples: readonly QuickstartSample[] }
  | { readonly type: 'score'; readonly of: QuickstartScoreOf; readonly score: QuickstartScore }
  | { readonly type: 'adapter'; readonly summary: string }
  | { readonly type: 'training'; readonly of: 'adapter' | 'control'; readonly event: TrainingEvent }
  | { readonly type: 'saved'; readonly adapterPath: string; readonly reportPath: string | null }
  | { readonly type: 'reloaded'; readonly equal: boolean; readonly answers: number }

/** What the demonstration came to. */
export interface QuickstartResult {
  /** Whether it showed what it promises: see `faults`. */
  readonly passed: boolean
  /** What it did not show, a sentence each. */
  readonly faults: readonly string[]
  readonly before: QuickstartScore
  readonly after: QuickstartScore
  readonly constant: QuickstartScore
  readonly control: QuickstartScore | null
  readonly reloadedEqual: boolean
  readonly trainingSeconds: number
  readonly basePath: string
  readonly adapterPath: string
  readonly reportPath: string | null
  /** Opens base and adapter in Python. */
  readonly pythonLine: string
  /** Does the same to a larger model from the hub. */
  readonly nextCommand: string
}
