/** What generation_config.json says, beside the options of a call, which win: transformers' `_prepare_generation_config`. */
import { EspalierError } from '@espalier/core'
import type { GenerateTokensOptions } from '@espalier/models'
import type { GenerateOptions } from './generation-options.js'

type Kind = 'number' | 'boolean' | 'array' | 'number or array' | 'boolean or string'

const PROCESSING: Readonly<Record<string, Kind>> = {
  repetition_penalty: 'number',
  encoder_repetition_penalty: 'number',
  no_repeat_ngram_size: 'number',
  encoder_no_repeat_ngram_size: 'number',
  bad_words_ids: 'array',
  sequence_bias: 'array',
  min_length: 'number',
  min_new_tokens: 'number',
  forced_bos_token_id: 'number',
  forced_eos_token_id: 'number or array',
  exponential_decay_length_penalty: 'array',
  suppress_tokens: 'array',
  begin_suppress_tokens: 'array',
}

const BEAMS: Readonly<Record<string, Kind>> = {
  num_beams: 'number',
  length_penalty: 'number',
  early_stopping: 'boolean or string',
}

/** What only a draw depends on. */
const SAMPLING: Readonly<Record<string, Kind>> = {
  temperature: 'number',
  top_k: 'number',
  top_p: 'number',
  min_p: 'number',
  typical_p: 'number',
  epsilon_cutoff: 'number',
  eta_cutoff: 'number',
}

const LENGTHS: Readonly<Record<string, Kind>> = { max_new_tokens: 'number', max_length: 'number' }

/** Settings that change the text and are not there, each with the values that change nothing. */
const ABSENT: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  num_return_sequences: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  dola_layers: [],
  constraints: [],
  force_words_ids: [],
  guidance_scale: [1],
  watermarking_config: [],
  token_healing: [false],
  max_time: [],
}

const DEFAULT_NEW_TOKENS = 128

/**
 * The options of generation for a decoder that reads `promptLength` tokens first. Throws model.config for a value of another kind,
 * config.unsupported for a setting that changes the text and is not there, config.value when max_length leaves no room for a token.
 */
export function generationSettings(
  file: Readonly<Record<string, unknown>>,
  call: GenerateOptions,
  promptLength: number,
): Omit<GenerateTokensOptions, 'stop'> {
  refuseAbsent(file)
  const { prompt: _prompt, messages: _messages, inputIds: _inputIds, stop: _stop, ...given } = call
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const { doSample = false } = { ...settingsIn(file, { do_sample: 'boolean' }), ...own } as GenerateOptions
  if (doSample) refuse(file, 'top_h', [])
  const settings = {
    ...settingsIn(file, { ...PROCESSING, ...BEAMS, ...(doSample ? SAMPLING : {}) }),
    ...own,
  } as GenerateOptions
  if ((settings.numBeams ?? 1) > 1) refuseStops(stopTexts(file, call))
  return { ...settings, doSample, maxNewTokens: call.maxNewTokens ?? newTokens(file, promptLength) }
}

/** Texts that end a generation: the call's, or else those of the file. */
export function stopTexts(file: Readonly<Record<string, unknown>>, { stop }: GenerateOptions): readonly string[] {
  const { stop_strings: named } = file
  if (stop !== undefined || named == null) return stop ?? []
  const texts: readonly unknown[] = Array.isArray(named) ? named : [named]
  if (!texts.every((text) => typeof text === 'string')) refuseKind('stop_strings', named, 'a text or a list of them')
  return texts as readonly string[]
}

// transformers ends single beams at a stop string, which here is looked for in the text.
function refuseStops(texts: readonly string[]): void {
  if (texts.length === 0) return
  throw new EspalierError('config.unsupported', {
    what: 'beams do not end at stop strings',
    got: { stop: texts },
    fix: 'Give stop: [], or numBeams: 1',
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

function refuseAbsent(file: Readonly<Record<string, unknown>>): void {
  for (const [key, idle] of Object.entries(ABSENT)) refuse(file, key, idle)
}

function refuse(file: Readonly<Record<string, unknown>>, key: string, idle: readonly unknown[]): void {
  const value = file[key]
  if (value == null || idle.includes(value)) return
  throw new EspalierError('config.unsupported', {
    what: 'generation_config.json asks for what generation here does not do, and the text would be another',
    got: { [key]: value },
    fix: `Take ${key} out of the file`,
  })
}

/** The settings of the file by their names here; null means not set. */
function settingsIn(file: Readonly<Record<string, unknown>>, kinds: Readonly<Record<string, Kind>>): object {
  return Object.fromEntries(
    Object.entries(kinds)
      .filter(([key]) => file[key] != null)
      .map(([key, kind]) => {
        const value = file[key]
        const kindOf = Array.isArray(value) ? 'array' : typeof value
        if (!kind.split(' or ').includes(kindOf)) refuseKind(key, value, `a value of type ${kind}`)
        return [key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]
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
