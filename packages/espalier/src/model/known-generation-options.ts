/** The options of generate at run time: those that exist, and those of transformers that do not, each with what to do. */
import { checkOptions, type OptionKinds, requireParts } from '@espalier/core'
import type { GenerateOptions } from './generation-options.js'

const KINDS: OptionKinds<GenerateOptions> = {
  prompt: 'string',
  messages: 'array',
  inputIds: ['array', 'object'], // or a typed array
  maxNewTokens: 'number',
  numBeams: 'number',
  lengthPenalty: 'number',
  earlyStopping: ['boolean', 'string'],
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
  seed: 'seed',
  stop: 'array',
  signal: 'signal',
}

const ONE_ROW = 'Text is generated greedily, sampled or by beams; leave it out'
const STOPPING = 'Name what ends a text in stop; the tokens that end one come from generation_config.json'

/** Options of transformers' GenerationConfig and generate that are not there. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['numBeamGroups', 'diversityPenalty', 'penaltyAlpha'].map((name) => [name, ONE_ROW])),
  numReturnSequences: 'Call generate once for each text',
  maxLength: 'Set maxNewTokens, which does not count the prompt',
  ...Object.fromEntries(['stopStrings', 'stoppingCriteria', 'eosTokenId', 'maxTime'].map((name) => [name, STOPPING])),
  logitsProcessor: 'Leave it out: the other options choose among tokens',
  streamer: 'Use generateStream, which gives the text piece by piece',
  generationConfig: 'Give its settings as options',
  attentionMask: 'Leave it out: one prompt has no padding',
  padTokenId: 'Leave it out: one prompt has no padding',
  useCache: 'Leave it out: there is always a cache',
}

/** Throws config.unsupported for options of transformers that do not exist here, config.unknown with the nearest name for others, config.value for values of another kind. */
export function checkGenerateOptions(options: GenerateOptions): void {
  requireParts('options', options, [], 'Give a prompt, messages or inputIds: generate({ prompt })')
  checkOptions('generate', options, KINDS, UNSUPPORTED)
}
