/** What generation is asked for, checked. Names are transformers' GenerationConfig in camelCase. */
import type { Backend, LanguageModel, StateBinding, WeightSet } from '@espalier/core'
import { drawSeed, EspalierError, isSeed } from '@espalier/core'
import { requireBeams } from './beam-values.js'
import { requireProcessing } from './processing-values.js'
import type { SequenceBias } from './processors/sequence-bias.js'

/** A model that runs: its tree, its backend, the tree's frozen weights and the sets that hold its state slots (adapters). */
export interface GenerationSource {
  readonly model: LanguageModel
  readonly backend: Backend
  readonly weights: WeightSet
  readonly state?: readonly StateBinding[]
  /** Tokens that end a row. None: rows end by length or `stop` alone. */
  readonly eosTokenIds?: readonly number[]
  /** What finished rows and padding are fed; any id of the vocabulary does. Default 0. */
  readonly padTokenId?: number | null
  /** What the decoder behind an encoder begins with. Default: the model's own. */
  readonly decoderStartTokenId?: number | undefined
}

/** What changes logits before a token is chosen, as transformers' processors of the same names. */
export interface ProcessingOptions {
  /** Above 1 makes tokens that occurred, in the prompt too, less likely. Default 1. */
  readonly repetitionPenalty?: number
  /** Above 1 makes tokens of the prompt more likely. Default 1. */
  readonly encoderRepetitionPenalty?: number
  /** No run of so many tokens comes twice; 0 for any. Default 0. */
  readonly noRepeatNgramSize?: number
  /** No run of so many tokens of the prompt comes again; 0 for any. Default 0. */
  readonly encoderNoRepeatNgramSize?: number
  /** Sequences of tokens that do not come. */
  readonly badWordsIds?: readonly (readonly number[])[]
  /** What the last token of a sequence gets where the others were read. */
  readonly sequenceBias?: readonly SequenceBias[]
  /** No end token before the decoder has read so many tokens, the prompt of decoder-only models included. Default 0. */
  readonly minLength?: number
  /** No end token before so many new ones; wins over minLength. */
  readonly minNewTokens?: number
  /** The token behind the decoder's start token. */
  readonly forcedBosTokenId?: number
  /** The last token of a row that maxNewTokens ends. */
  readonly forcedEosTokenId?: number | readonly number[]
  /** Raises end tokens by factor^n - 1 of their size, n tokens behind the first `start` new ones. */
  readonly exponentialDecayLengthPenalty?: readonly [start: number, factor: number]
  /** Tokens that never come. */
  readonly suppressTokens?: readonly number[]
  /** Tokens that do not come first. */
  readonly beginSuppressTokens?: readonly number[]
  /** Probabilities sum to 1 again once the other processors ran; only beams, whose scores sum them up, depend on it. Default false. */
  readonly renormalizeLogits?: boolean
}

/** How tokens are chosen, and when to stop. */
export interface GenerateTokensOptions extends ProcessingOptions {
  readonly maxNewTokens: number
  /** Beams of a prompt; with more than 1 the likeliest whole sequence is searched for, not token by token. Default 1. */
  readonly numBeams?: number
  /** Scores of ended beams are divided by their length to this power: above 0 favours long ones. Default 1. */
  readonly lengthPenalty?: number
  /** When a search ends: true, with `numBeams` ended beams; false, when none is likely to score better; "never", when none can. Default false. */
  readonly earlyStopping?: boolean | 'never'
  /** Sequences for each prompt: samples, or the best beams, at most `numBeams`. Default 1. */
  readonly numReturnSequences?: number
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
  /** A row's draws depend on the seed, its index and the step alone. Default: drawn, so that samples differ from call to call. */
  readonly seed?: number
  /** Stops the generation; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called after each token with all new tokens of the row; true ends the row. */
  readonly stop?: (row: number, tokens: readonly number[]) => boolean
}

/** Why a row ended. `length`: maxNewTokens, or the model has no further positions. */
export type FinishReason = 'eos' | 'stop' | 'length'

/** One new token of one row. */
export interface GeneratedToken {
  readonly row: number
  readonly token: number
  /** Set on the row's last token. */
  readonly finished: FinishReason | null
}

type BeamOption = 'numBeams' | 'lengthPenalty' | 'earlyStopping' | 'numReturnSequences'

/** The options with defaults. */
export type ResolvedOptions = GenerateTokensOptions &
  Required<Pick<GenerateTokensOptions, 'doSample' | 'temperature' | 'topK' | 'topP' | 'seed' | BeamOption>>

/** Checks options and prompts before anything runs. Throws config.value. */
export function resolveOptions(
  { model, padTokenId, decoderStartTokenId }: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): ResolvedOptions {
  const { vocabularySize, maxPositions } = model.sizes
  const resolved: ResolvedOptions = {
    doSample: false,
    temperature: 1,
    topK: 50,
    topP: 1,
    numBeams: 1,
    lengthPenalty: 1,
    earlyStopping: false,
    numReturnSequences: 1,
    seed: drawSeed(),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    maxNewTokens: options.maxNewTokens,
  }
  const { maxNewTokens, temperature, topK, topP, seed } = resolved
  const isToken = (id: unknown) => Number.isInteger(id) && Number(id) >= 0 && Number(id) < vocabularySize
  const require = (holds: boolean, what: string, got: Readonly<Record<string, unknown>>, fix?: string) => {
    if (!holds) throw new EspalierError('config.value', { what, got, ...(fix === undefined ? {} : { fix }) })
  }
  require(Number.isInteger(maxNewTokens) && maxNewTokens > 0, 'maxNewTokens must be a whole number above 0', {
    maxNewTokens,
  })
  require(temperature > 0 &&
    Number.isFinite(temperature), 'temperature must be above 0; for the likeliest tokens leave doSample out', {
    temperature,
  })
  require(Number.isInteger(topK) && topK >= 0, 'topK must be a whole number, 0 for all tokens', { topK })
  require(topP > 0 && topP <= 1, 'topP must lie above 0 and not above 1', { topP })
  requireProcessing(resolved, vocabularySize)
  requireBeams(resolved)
  require(isSeed(seed), 'seed must be a whole number from 0 to 2^32 - 1', { seed })
  require(inputIds.length > 0, 'there is no prompt', { rows: 0 })
  require(isToken(padTokenId ?? 0), 'padTokenId is not a token of the model', { padTokenId, vocabularySize })
  require(isToken(decoderStartTokenId ?? 0), 'decoderStartTokenId is not a token of the model', {
    decoderStartTokenId,
    vocabularySize,
  })
  inputIds.forEach((ids, row) => {
    require(ids.length > 0, 'a prompt has no tokens', { row })
    const foreign = ids.find((id) => !isToken(id))
    require(foreign === undefined, 'a prompt has a token id that the model does not know', {
      row,
      id: foreign,
      vocabularySize,
    })
    require(maxPositions === null || ids.length <= maxPositions, 'a prompt is longer than the model allows', {
      row,
      tokens: ids.length,
      maxPositions,
    }, `Shorten it to ${maxPositions} tokens, or take a model with more positions`)
  })
  return resolved
}
