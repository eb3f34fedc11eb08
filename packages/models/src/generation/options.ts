/** What generation is asked for, checked. Names are transformers' GenerationConfig in camelCase. */
import type { Backend, LanguageModel, StateBinding, WeightSet } from '@espalier/core'
import { drawSeed, EspalierError, isSeed } from '@espalier/core'

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
}

/** How tokens are chosen, and when to stop. */
export interface GenerateTokensOptions {
  readonly maxNewTokens: number
  /** Samples instead of taking the likeliest token. Default false. */
  readonly doSample?: boolean
  /** Above 0. Default 1. */
  readonly temperature?: number
  /** Samples among so many likeliest tokens; 0 for all. Default 50, as transformers. */
  readonly topK?: number
  /** Samples among the likeliest tokens that reach this probability together, in (0, 1]. Default 1. */
  readonly topP?: number
  /** Above 1 makes tokens that occurred, in the prompt too, less likely. Default 1. */
  readonly repetitionPenalty?: number
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

/** The options with defaults. */
export type ResolvedOptions = Required<Omit<GenerateTokensOptions, 'signal' | 'stop'>> &
  Pick<GenerateTokensOptions, 'signal' | 'stop'>

/** Checks options and prompts before anything runs. Throws config.value. */
export function resolveOptions(
  { model, padTokenId }: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): ResolvedOptions {
  const { vocabularySize, maxPositions } = model.sizes
  const resolved: ResolvedOptions = {
    doSample: false,
    temperature: 1,
    topK: 50,
    topP: 1,
    repetitionPenalty: 1,
    seed: drawSeed(),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    maxNewTokens: options.maxNewTokens,
  }
  const { maxNewTokens, temperature, topK, topP, repetitionPenalty, seed } = resolved
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
  require(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty), 'repetitionPenalty must be above 0', {
    repetitionPenalty,
  })
  require(isSeed(seed), 'seed must be a whole number from 0 to 2^32 - 1', { seed })
  require(inputIds.length > 0, 'there is no prompt', { rows: 0 })
  require(isToken(padTokenId ?? 0), 'padTokenId is not a token of the model', { padTokenId, vocabularySize })
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
