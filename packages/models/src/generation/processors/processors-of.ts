/** The processors that options ask for, in the order of transformers' `_get_logits_processor`. */
import type { ResolvedOptions } from '../options.js'
import { endAt, growingEnd, noEndBefore } from './end-tokens.js'
import { forcedFirst, suppress, suppressAt } from './first-tokens.js'
import type { LogitsProcessor } from './processor.js'
import { noEncoderNgrams, noRepeatNgrams } from './repeated-ngrams.js'
import { encoderRepetitionPenalty, repetitionPenalty } from './repetition-penalty.js'
import { noBadWords, sequenceBias } from './sequence-bias.js'

/** What of a batch the processors of a row depend on. */
export interface ProcessedRow {
  /** Tokens that the decoder has read before its first own one, padding included. */
  readonly promptLength: number
  /** The prompt, padding included: what an encoder reads, or else the decoder. */
  readonly source: readonly number[]
  readonly ends: readonly number[]
}

/** The processors of a row; none when the options leave the logits as they are. */
export function processorsOf(
  options: ResolvedOptions,
  { promptLength, source, ends }: ProcessedRow,
): LogitsProcessor[] {
  const { minLength = 0, minNewTokens, forcedBosTokenId: first, exponentialDecayLengthPenalty: decay } = options
  const least = minNewTokens === undefined ? minLength : promptLength + minNewTokens
  const begin = promptLength > 1 || first === undefined ? promptLength : promptLength + 1
  const when = <Value>(value: Value | undefined, idle: Value | undefined, make: (value: Value) => LogitsProcessor) =>
    value === undefined || value === idle ? [] : [make(value)]
  return [
    ...when(options.sequenceBias, undefined, sequenceBias),
    ...when(options.encoderRepetitionPenalty, 1, (penalty) => encoderRepetitionPenalty(penalty, source)),
    ...when(options.repetitionPenalty, 1, repetitionPenalty),
    ...when(options.noRepeatNgramSize, 0, noRepeatNgrams),
    ...when(options.encoderNoRepeatNgramSize, 0, (size) => noEncoderNgrams(size, source)),
    ...when(options.badWordsIds, undefined, (words) => noBadWords(words, ends)),
    ...(least > promptLength && ends.length > 0 ? [noEndBefore(least, ends)] : []),
    ...when(first, undefined, forcedFirst),
    ...when(options.forcedEosTokenId, undefined, (tokens) =>
      endAt(promptLength + options.maxNewTokens, typeof tokens === 'number' ? [tokens] : tokens),
    ),
    ...when(decay, undefined, ([start, factor]) => growingEnd(promptLength + start, factor, ends)),
    ...when(options.suppressTokens, undefined, suppress),
    ...when(options.beginSuppressTokens, undefined, (tokens) => suppressAt(begin, tokens)),
  ]
}
