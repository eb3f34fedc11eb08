/** The values of generation that change logits, checked. */
import { EspalierError } from '@espalier/core'
import type { GenerateTokensOptions } from './options.js'

const isWhole = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const isPenalty = (value: unknown) => Number.isFinite(value) && Number(value) > 0
const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1

/** Throws config.value, with the option's name. */
export function requireProcessing(options: GenerateTokensOptions, vocabularySize: number): void {
  const isToken = (value: unknown) => isWhole(value) && Number(value) < vocabularySize
  const areTokens = (value: unknown) => Array.isArray(value) && value.every(isToken)
  const areWords = (value: unknown) =>
    Array.isArray(value) && value.every((word) => word?.length > 0 && areTokens(word))
  const areBiases = (value: unknown) =>
    Array.isArray(value) &&
    value.every(
      (pair: unknown) =>
        Array.isArray(pair) && pair[0]?.length > 0 && areTokens(pair[0]) && typeof pair[1] === 'number',
    )
  const isDecay = (value: unknown) => Array.isArray(value) && isWhole(value[0]) && Number.isFinite(value[1])
  const rules: readonly [keyof GenerateTokensOptions, (value: unknown) => boolean, string][] = [
    ['repetitionPenalty', isPenalty, 'a number above 0'],
    ['encoderRepetitionPenalty', isPenalty, 'a number above 0'],
    ['noRepeatNgramSize', isWhole, 'a whole number, 0 for any'],
    ['encoderNoRepeatNgramSize', isWhole, 'a whole number, 0 for any'],
    ['badWordsIds', areWords, 'a list of lists of tokens of the model'],
    ['sequenceBias', areBiases, 'a list of pairs: tokens of the model, and a number'],
    ['minLength', isWhole, 'a whole number'],
    ['minNewTokens', isWhole, 'a whole number'],
    ['forcedBosTokenId', isToken, 'a token of the model'],
    ['forcedEosTokenId', (value) => isToken(value) || areTokens(value), 'a token of the model, or a list of them'],
    ['exponentialDecayLengthPenalty', isDecay, 'a whole number and a factor'],
    ['suppressTokens', (value) => Array.isArray(value) && value.every(Number.isSafeInteger), 'a list of tokens'],
    ['beginSuppressTokens', (value) => Array.isArray(value) && value.every(Number.isSafeInteger), 'a list of tokens'],
    ['renormalizeLogits', (value) => typeof value === 'boolean', 'true or false'],
    ['minP', isShare, 'a number from 0 to 1'],
    ['typicalP', (value) => isShare(value) && Number(value) > 0, 'a number above 0 and not above 1'],
    ['epsilonCutoff', (value) => isShare(value) && Number(value) < 1, 'a number from 0 below 1'],
    ['etaCutoff', (value) => isShare(value) && Number(value) < 1, 'a number from 0 below 1'],
  ]
  for (const [name, holds, kind] of rules) {
    const value = options[name]
    if (value === undefined || holds(value)) continue
    throw new EspalierError('config.value', { what: `${name} must be ${kind}`, got: { [name]: value, vocabularySize } })
  }
}
