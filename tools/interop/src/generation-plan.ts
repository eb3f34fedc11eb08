/** Generation with many settings by tiny random models of transformers: what is asked of both sides, case by case. */

import type { GenerateTokensOptions } from '@espalier/models'
import { TINY_BART, TINY_GPT2, TINY_LLAMA, TINY_OPT, TINY_T5 } from '@espalier/models/fixtures/tiny-configs.js'

/** Prompts of one batch and how they are continued. */
export interface GenerationCase {
  readonly name: string
  readonly model: string
  readonly prompts: readonly (readonly number[])[]
  readonly ends: readonly number[]
  readonly settings: Omit<GenerateTokensOptions, 'stop' | 'signal' | 'seed'>
}

const VOCABULARY = 37 // logits of so few tokens differ enough that no order hangs on rounding
const large = { vocab_size: VOCABULARY, num_hidden_layers: 2 }

/** The models by name. */
export const generationModels: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { ...TINY_LLAMA, ...large, max_position_embeddings: 64 },
  gpt2: { ...TINY_GPT2, vocab_size: VOCABULARY, n_positions: 64 },
  opt: { ...TINY_OPT, vocab_size: VOCABULARY, max_position_embeddings: 64 },
  t5: { ...TINY_T5, vocab_size: VOCABULARY },
  bart: { ...TINY_BART, vocab_size: VOCABULARY, max_position_embeddings: 64 },
}

const UNEVEN = [[5, 17, 32, 8, 9], [7], [21, 11, 30, 25, 6, 4, 3, 19], [12, 33, 12]]
const THREE_ENDS = [2, 9, 23]
const NEW_TOKENS = 14

const beams = { numBeams: 4, numReturnSequences: 3, maxNewTokens: NEW_TOKENS }

const searches: Readonly<Record<string, GenerationCase['settings']>> = {
  greedy: { maxNewTokens: NEW_TOKENS },
  'greedy and processed': {
    maxNewTokens: NEW_TOKENS,
    repetitionPenalty: 1.4,
    noRepeatNgramSize: 2,
    minNewTokens: 4,
    forcedEosTokenId: 2,
  },
  // transformers gives this penalty to the first beams of a batch alone, whosever they are.
  'greedy and kept to the prompt': {
    maxNewTokens: NEW_TOKENS,
    encoderRepetitionPenalty: 1.3,
    encoderNoRepeatNgramSize: 3,
  },
  beams: beams,
  'beams that stop early': { ...beams, earlyStopping: true },
  'beams that never stop early': { ...beams, earlyStopping: 'never' },
  'beams without a length penalty': { ...beams, lengthPenalty: 0 },
  'beams with a negative length penalty': { ...beams, lengthPenalty: -1.5 },
  'short beams that never stop early': { ...beams, lengthPenalty: -0.5, earlyStopping: 'never' },
  'long beams that never stop early': { ...beams, lengthPenalty: 2, earlyStopping: 'never' },
  'long beams that stop early': { ...beams, lengthPenalty: 2, earlyStopping: true },
  'one of many beams': { ...beams, numBeams: 7, numReturnSequences: 1 },
  'all of two beams': { ...beams, numBeams: 2, numReturnSequences: 2 },
  'beams that do not repeat': { ...beams, noRepeatNgramSize: 2 },
  'beams with penalties': { ...beams, repetitionPenalty: 1.5, encoderNoRepeatNgramSize: 3 },
  'beams without bad words': {
    ...beams,
    badWordsIds: [[2], [8, 9], [17]],
    sequenceBias: [
      [[4], 1.5],
      [[6, 7], -4.5],
    ],
  },
  'beams with forced tokens': { ...beams, forcedBosTokenId: 5, forcedEosTokenId: 2 },
  'beams without some tokens': { ...beams, suppressTokens: [3, 7, 30], beginSuppressTokens: [2, 9, 4] },
  'beams of a least length': { ...beams, minNewTokens: 6, exponentialDecayLengthPenalty: [8, 1.3] },
  'beams of a least length with the prompt': { ...beams, minLength: 9 },
  'beams of processed scores that sum to 1': {
    ...beams,
    renormalizeLogits: true,
    repetitionPenalty: 1.5,
    badWordsIds: [[2]],
  },
}

/** Every search by every model, with one end token and with three. */
export const generationCases: readonly GenerationCase[] = Object.keys(generationModels).flatMap((model) =>
  Object.entries(searches).flatMap(([name, settings]) =>
    [[2], THREE_ENDS].map((ends) => ({
      name: `${model}: ${name}, ${ends.length === 1 ? 'one end' : 'three ends'}`,
      model,
      prompts: UNEVEN,
      ends,
      settings,
    })),
  ),
)

/** A prompt whose beams are drawn so often that shares can be compared. */
export const drawnCase: GenerationCase = {
  name: 'drawn beams',
  model: 'llama',
  prompts: Array(200).fill([5, 17, 32]),
  ends: [2],
  settings: {
    numBeams: 3,
    doSample: true,
    temperature: 1.7,
    topK: 6,
    topP: 0.95,
    maxNewTokens: 3,
    renormalizeLogits: true,
  },
}
