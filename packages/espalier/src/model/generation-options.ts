/** What generate takes: names are transformers' GenerationConfig in camelCase. */
import type { Message } from '@espalier/data'

/** What to continue, how to choose tokens, and when to stop. */
export interface GenerateOptions {
  /** Text to continue, as it is. */
  readonly prompt?: string
  /** A conversation; rendered with the tokenizer's chat template. */
  readonly messages?: readonly Message[]
  /** Token ids to continue. */
  readonly inputIds?: readonly number[]
  /** Default 128. */
  readonly maxNewTokens?: number
  /** Samples instead of taking the likeliest token. Default false. */
  readonly doSample?: boolean
  /** Above 0. Default 1. */
  readonly temperature?: number
  /** Samples among so many likeliest tokens; 0 for all. Default 50, as transformers. */
  readonly topK?: number
  /** Samples among the likeliest tokens that reach this probability together, in (0, 1]. Default 1. */
  readonly topP?: number
  /** Above 1 makes tokens that occurred less likely. Default 1. */
  readonly repetitionPenalty?: number
  /** Samples repeat with the same seed. Default: drawn, another at every call. */
  readonly seed?: number
  /** Texts that end the generation; they are not part of the result. */
  readonly stop?: readonly string[]
  readonly signal?: AbortSignal
}

/** One new piece of text. */
export interface GeneratedPart {
  readonly text: string
  readonly tokenIds: readonly number[]
}

/** Everything that was generated. */
export interface Generated {
  readonly text: string
  readonly tokenIds: readonly number[]
  readonly promptTokens: number
  readonly reason: 'eos' | 'stop' | 'length'
}
