/** What generation_config.json says, beside the options of a call, which win: transformers' `_prepare_generation_config`. */
import { EspalierError } from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import type { GenerateTokensOptions } from '@espalier/models'
import {
  ABSENT,
  ABSENT_SAMPLING,
  BEAMS,
  LENGTHS,
  optionName,
  PROCESSING,
  SAMPLING,
  type SettingKind,
} from './generation-keys.js'
import type { GenerateBatchOptions, GenerateOptions } from './generation-options.js'
import { asksForList } from './generation-prompts.js'

const DEFAULT_NEW_TOKENS = 128

/**
 * The options of generation for a decoder that reads `promptLength` tokens first. Throws model.config for a value of another kind,
 * config.unsupported for a setting that changes the text and is not there, config.value when max_length leaves no room for a token.
 */
export function generationSettings(
  file: Readonly<Record<string, unknown>>,
  call: GenerateOptions | GenerateBatchOptions,
  promptLength: number,
): Omit<GenerateTokensOptions, 'stop'> {
  refuseAll(file, ABSENT)
  const isList = asksForList(call)
  if (!isList) refuse(file, 'num_return_sequences', [1], 'Give numReturnSequences, and a list of texts comes')
  const { prompt: _prompt, messages: _messages, inputIds: _inputIds, stop: _stop, ...given } = call
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const { doSample = false } = { ...settingsIn(file, { do_sample: 'boolean' }), ...own } as GenerateOptions
  if (doSample) refuseAll(file, ABSENT_SAMPLING)
  const settings = {
    ...settingsIn(file, {
      ...PROCESSING,
      ...BEAMS,
      ...(doSample ? SAMPLING : {}),
      ...(isList ? { num_return_sequences: 'number' } : {}),
    }),
    ...own,
  } as GenerateBatchOptions
  return { ...settings, doSample, maxNewTokens: call.maxNewTokens ?? newTokens(file, promptLength) }
}

/** Texts that end a generation: the call's, or else those of the file. Throws model.config, and config.value for one without characters. */
export function stopTexts(
  file: Readonly<Record<string, unknown>>,
  { stop }: Pick<GenerateOptions, 'stop'>,
): readonly string[] {
  const { stop_strings: named } = file
  if (stop !== undefined || named == null) return withCharacters(stop ?? [])
  const texts: readonly unknown[] = Array.isArray(named) ? named : [named]
  if (!texts.every((text) => typeof text === 'string')) refuseKind('stop_strings', named, 'a text or a list of them')
  return withCharacters(texts as readonly string[])
}

function withCharacters(stops: readonly string[]): readonly string[] {
  if (!stops.includes('')) return stops
  throw new EspalierError('config.value', {
    what: 'a stop string without characters ends every text before it begins',
    got: { stop: stops },
    fix: 'Leave it out',
  })
}

/** Tokens that end a text: transformers' own, and what the tokenizer says where no file names one. */
export function endTokens(file: Readonly<Record<string, unknown>>, tokenizer: Tokenizer): number[] {
  const configured = file.eos_token_id
  const ids = Array.isArray(configured)
    ? configured.filter((id) => typeof id === 'number')
    : typeof configured === 'number'
      ? [configured]
      : []
  return ids.length > 0 || tokenizer.eosTokenId === undefined ? ids : [tokenizer.eosTokenId]
}

/** What the decoder behind an encoder begins with, where the file says it. Throws config.unsupported for one of each row. */
export function decoderStart(file: Readonly<Record<string, unknown>>): number | undefined {
  const key = file.decoder_start_token_id == null ? 'bos_token_id' : 'decoder_start_token_id'
  const { [key]: start } = file
  if (start == null || typeof start === 'number') return start ?? undefined
  throw new EspalierError('config.unsupported', {
    what: 'all texts of a batch begin with the same token',
    got: { file: 'generation_config.json', [key]: start },
    fix: 'Name one token',
  })
}

function newTokens(file: Readonly<Record<string, unknown>>, promptLength: number): number {
  const { maxNewTokens, maxLength } = settingsIn(file, LENGTHS) as { maxNewTokens?: number; maxLength?: number }
  if (maxNewTokens !== undefined || maxLength === undefined) return maxNewTokens ?? DEFAULT_NEW_TOKENS
  if (maxLength > promptLength) return maxLength - promptLength
  throw new EspalierError('config.value', {
    what: 'max_length of generation_config.json counts the prompt too, and leaves no room for a token',
    got: { max_length: maxLength, promptTokens: promptLength },
    fix: 'Give maxNewTokens',
  })
}

function refuseAll(file: Readonly<Record<string, unknown>>, absent: typeof ABSENT): void {
  for (const [key, idle] of Object.entries(absent)) refuse(file, key, idle)
}

function refuse(
  file: Readonly<Record<string, unknown>>,
  key: string,
  idle: readonly unknown[],
  fix: string = `Take ${key} out of the file`,
): void {
  const value = file[key]
  if (value == null || idle.includes(value)) return
  throw new EspalierError('config.unsupported', {
    what: 'generation_config.json asks for what generation here does not do, and the text would be another',
    got: { [key]: value },
    fix,
  })
}

/** The settings of the file by their names here; null means not set. */
function settingsIn(file: Readonly<Record<string, unknown>>, kinds: Readonly<Record<string, SettingKind>>): object {
  return Object.fromEntries(
    Object.entries(kinds)
      .filter(([key]) => file[key] != null)
      .map(([key, kind]) => {
        const value = file[key]
        const kindOf = Array.isArray(value) ? 'array' : typeof value
        if (!kind.split(' or ').includes(kindOf)) refuseKind(key, value, `a value of type ${kind}`)
        return [optionName(key), value]
      }),
  )
}

function refuseKind(key: string, value: unknown, kind: string): never {
  throw new EspalierError('model.config', {
    what: `${key} takes ${kind}`,
    got: { file: 'generation_config.json', [key]: value },
    fix: 'Correct the file, or download it again',
  })
}
