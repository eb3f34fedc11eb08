/** The options of generate at run time: those that exist, and those of transformers that do not, each with what to do. */
import { checkOptions, type OptionKinds, requireParts } from '@espalier/core'
import { ABSENT, ABSENT_SAMPLING, IDLE, optionName } from './generation-keys.js'
import type { GenerateBatchOptions, GenerateOptions } from './generation-options.js'

const KINDS: OptionKinds<GenerateBatchOptions> = {
  prompt: ['string', 'array'],
  messages: 'array',
  inputIds: ['array', 'object'], // or a typed array
  maxNewTokens: 'number',
  numBeams: 'number',
  lengthPenalty: 'number',
  earlyStopping: ['boolean', 'string'],
  numReturnSequences: 'number',
  doSample: 'boolean',
  temperature: 'number',
  topK: 'number',
  topP: 'number',
  minP: 'number',
  typicalP: 'number',
  epsilonCutoff: 'number',
  etaCutoff: 'number',
  repetitionPenalty: 'number',
  encoderRepetitionPenalty: 'number',
  noRepeatNgramSize: 'number',
  encoderNoRepeatNgramSize: 'number',
  badWordsIds: 'array',
  sequenceBias: 'array',
  minLength: 'number',
  minNewTokens: 'number',
  forcedBosTokenId: 'number',
  forcedEosTokenId: ['number', 'array'],
  exponentialDecayLengthPenalty: 'array',
  suppressTokens: 'array',
  beginSuppressTokens: 'array',
  renormalizeLogits: 'boolean',
  seed: 'seed',
  stop: 'array',
  signal: 'signal',
}

const CHOOSING = 'Texts are generated greedily, sampled or by beams; leave it out'
const STOPPING = 'Name what ends a text in stop; the tokens that end one come from generation_config.json'
const PADDING = 'Leave it out: prompts of other lengths are padded, and padding is not read'
const FILE = 'It comes from generation_config.json, or config.json beside the model'

const named = (names: readonly string[], what: string) =>
  Object.fromEntries(names.map((name) => [optionName(name), what]))

/** Options of transformers' GenerationConfig and generate that are not there. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  ...named([...Object.keys(ABSENT), ...Object.keys(ABSENT_SAMPLING)], CHOOSING),
  ...named(IDLE, 'Leave it out: it changes no text'),
  maxLength: 'Set maxNewTokens, which does not count the prompt',
  ...named(['stop_strings', 'stopping_criteria', 'eos_token_id', 'max_time'], STOPPING),
  logitsProcessor: 'Leave it out: the other options choose among tokens',
  prefixAllowedTokensFn: 'Leave it out: the other options choose among tokens',
  streamer: 'Use generateStream, which gives the text piece by piece',
  generationConfig: 'Give its settings as options',
  assistantModel: CHOOSING,
  ...named(['attention_mask', 'pad_token_id'], PADDING),
  ...named(['bos_token_id', 'decoder_start_token_id'], FILE),
  useCache: 'Leave it out: there is always a cache',
}

/** Throws config.unsupported for options of transformers that do not exist here, config.unknown with the nearest name for others, config.value for values of another kind. */
export function checkGenerateOptions(options: GenerateOptions | GenerateBatchOptions): void {
  requireParts('options', options, [], 'Give a prompt, messages or inputIds: generate({ prompt })')
  checkOptions('generate', options, KINDS, UNSUPPORTED)
}
