/** What generate takes: names are transformers' GenerationConfig in camelCase. */
import type { Message } from '@espalier/data'
import type { ProcessingOptions } from '@espalier/models'

/** How to choose tokens, and when to stop. What is not given is taken from generation_config.json, and has the default where that says nothing. */
export interface GenerationSettings extends ProcessingOptions {
  /** Default 128. */
  readonly maxNewTokens?: number
  /** Beams: with more than 1 the likeliest whole text is searched for; it comes when the search ends. With doSample beams are drawn. Default 1. */
  readonly numBeams?: number
  /** Scores of ended beams are divided by their length to this power: above 0 favours long texts. Default 1. */
  readonly lengthPenalty?: number
  /** When a search ends: true, with `numBeams` ended beams; false, when none is likely to score better; "never", when none can. Default false. */
  readonly earlyStopping?: boolean | 'never'
  /** Samples instead of taking the likeliest token. Default false. */
  readonly doSample?: boolean
  /** Above 0. Default 1. */
  readonly temperature?: number
  /** Samples among so many likeliest tokens; 0 for all. Default 50, as transformers. */
  readonly topK?: number
  /** Samples among the likeliest tokens that reach this probability together, in (0, 1]. Default 1. */
  readonly topP?: number
  /** Samples among tokens at least so likely against the likeliest, from 0 to 1. */
  readonly minP?: number
  /** Samples among the most typical tokens that reach this probability together, in (0, 1]. Default 1. */
  readonly typicalP?: number
  /** Samples among tokens at least so likely, from 0 below 1. Default 0. */
  readonly epsilonCutoff?: number
  /** The same with a threshold that falls with the entropy, from 0 below 1. Default 0. */
  readonly etaCutoff?: number
  /** Samples repeat with the same seed. Default: drawn, another at every call. */
  readonly seed?: number
  /** Texts that end the generation; they are not part of the result. */
  readonly stop?: readonly string[]
  readonly signal?: AbortSignal
}

/** One text to continue. */
export interface GenerateOptions extends GenerationSettings {
  /** Text to continue, as it is. */
  readonly prompt?: string
  /** A conversation; rendered with the tokenizer's chat template. */
  readonly messages?: readonly Message[]
  /** Token ids to continue. */
  readonly inputIds?: readonly number[]
  readonly numReturnSequences?: undefined
}

/** Several texts to continue, all in one batch, or several continuations of one. */
export interface GenerateBatchOptions extends GenerationSettings {
  readonly prompt?: string | readonly string[]
  readonly messages?: readonly Message[] | readonly (readonly Message[])[]
  readonly inputIds?: readonly number[] | readonly (readonly number[])[]
  /** Texts for each prompt: samples, or the best beams, at most `numBeams`. Default 1. */
  readonly numReturnSequences?: number
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
  /** Of a beam: the sum of its log-probabilities, divided by its length to the power of lengthPenalty. */
  readonly score?: number
}
