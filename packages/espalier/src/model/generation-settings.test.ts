import { reference } from '@espalier/core'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import keys from './generation-config-keys.json' with { type: 'json' }
import {
  ABSENT,
  ABSENT_SAMPLING,
  BEAMS,
  IDLE,
  LENGTHS,
  optionName,
  PROCESSING,
  READ,
  SAMPLING,
} from './generation-keys.js'
import { decoderStart, generationSettings, stopTexts } from './generation-settings.js'
import { checkGenerateOptions } from './known-generation-options.js'

it('takes what generation_config.json says, and what the call says before it', () => {
  const file = { repetition_penalty: 1.3, max_new_tokens: 5, temperature: 0.6, top_k: 20, do_sample: true, min_p: null }
  expect(generationSettings(file, {}, 4)).toEqual({
    repetitionPenalty: 1.3,
    temperature: 0.6,
    topK: 20,
    doSample: true,
    maxNewTokens: 5,
  })
  const call = { prompt: 'a', stop: ['x'], repetitionPenalty: 1, maxNewTokens: 7, topK: undefined }
  expect(generationSettings(file, { ...call, temperature: 0.9 }, 4)).toMatchObject({
    repetitionPenalty: 1,
    temperature: 0.9,
    topK: 20,
    maxNewTokens: 7,
  })
  expect(generationSettings({ ...file, temperature: 0 }, { doSample: false }, 4)).toEqual({
    repetitionPenalty: 1.3,
    doSample: false,
    maxNewTokens: 5,
  })
})

it('counts the prompt in max_length, which max_new_tokens goes before', () => {
  const of = (file: object, promptLength: number) => generationSettings({ ...file }, {}, promptLength).maxNewTokens
  expect([of({}, 4), of({ max_length: 20 }, 4), of({ max_length: 20, max_new_tokens: 3 }, 4)]).toEqual([128, 16, 3])
  expect(() => of({ max_length: 4 }, 4)).toThrow(expect.objectContaining({ code: 'config.value' }))
})

it('refuses what changes the text and is not there, and values of another kind, by their keys', () => {
  const given = { doSample: true }
  for (const file of [{ penalty_alpha: 0.6 }, { guidance_scale: 1.5 }, { max_time: 2 }, { top_h: 0.4 }])
    expect(() => generationSettings(file, given, 4)).toThrow(
      expect.objectContaining({ code: 'config.unsupported', details: file }),
    )
  generationSettings({ penalty_alpha: null, guidance_scale: 1, num_beam_groups: 1, use_cache: true }, given, 4)
  expect(() => generationSettings({ temperature: '0.6' }, given, 4)).toThrow(
    expect.objectContaining({ code: 'model.config', details: expect.objectContaining({ temperature: '0.6' }) }),
  )
})

it('takes beams from the file, and their number where a list is asked for', () => {
  const file = { num_beams: 4, length_penalty: 0.8, early_stopping: 'never', num_return_sequences: 2 }
  expect(generationSettings(file, { numBeams: 3, prompt: ['a'] }, 1)).toMatchObject({
    numBeams: 3,
    lengthPenalty: 0.8,
    earlyStopping: 'never',
    numReturnSequences: 2,
  })
  expect(() => generationSettings(file, { prompt: 'a' }, 1)).toThrow(
    expect.objectContaining({ code: 'config.unsupported', details: { num_return_sequences: 2 } }),
  )
})

it('knows every key of GenerationConfig, as a setting and as an option', () => {
  const read = [...Object.keys({ ...PROCESSING, ...BEAMS, ...SAMPLING, ...LENGTHS }), ...READ]
  const groups = [...read, ...Object.keys({ ...ABSENT, ...ABSENT_SAMPLING }), ...IDLE]
  expect(groups.sort()).toEqual(keys.keys)
  for (const [key, idle] of Object.entries({ ...ABSENT, ...ABSENT_SAMPLING })) {
    expect(() => generationSettings({ [key]: 'other' }, { doSample: true }, 1)).toThrow(
      expect.objectContaining({ code: 'config.unsupported', details: { [key]: 'other' } }),
    )
    for (const value of [null, ...idle]) generationSettings({ [key]: value }, { doSample: true }, 1)
  }
  for (const key of [...Object.keys({ ...ABSENT, ...ABSENT_SAMPLING }), ...IDLE, 'max_length', ...READ.slice(2)])
    expect(() => checkGenerateOptions({ prompt: 'a', [optionName(key)]: 1 } as object)).toThrow(
      expect.objectContaining({ code: 'config.unsupported' }),
    )
})

it('begins behind an encoder with what the file names', () => {
  expect(decoderStart({ decoder_start_token_id: 3, bos_token_id: 1 })).toBe(3)
  expect([decoderStart({ bos_token_id: 1 }), decoderStart({})]).toEqual([1, undefined])
  expect(() => decoderStart({ decoder_start_token_id: [3, 4] })).toThrow(
    expect.objectContaining({ code: 'config.unsupported' }),
  )
})

it('refuses a stop string without characters, of the call and of the file', () => {
  for (const [file, call] of [
    [{}, { stop: [''] }],
    [{ stop_strings: ['x', ''] }, {}],
  ] as const)
    expect(() => stopTexts(file, call)).toThrow(expect.objectContaining({ code: 'config.value' }))
})

it('ends at stop_strings of the file unless the call names others', () => {
  expect(stopTexts({ stop_strings: 'end' }, {})).toEqual(['end'])
  expect(stopTexts({ stop_strings: ['a', 'b'] }, { stop: ['c'] })).toEqual(['c'])
  expect(() => stopTexts({ stop_strings: 3 }, {})).toThrow(expect.objectContaining({ code: 'model.config' }))
})

it('generates by the settings beside the model', async () => {
  const files = await tinyModelFiles()
  const generated = async (settings: object, options: object = {}) => {
    const source = new Map(files).set('generation_config.json', new Blob([JSON.stringify(settings)]))
    await using model = await AutoModelForCausalLM.fromPretrained(source, { backend: reference() })
    return (await model.generate({ prompt: 'once upon', ...options })).tokenIds
  }
  const plain = await generated({ max_new_tokens: 6 })
  const first = plain[0] as number
  expect(plain).toHaveLength(6)
  expect((await generated({ max_new_tokens: 6, begin_suppress_tokens: [first] }))[0]).not.toBe(first)
  expect(await generated({ max_new_tokens: 6, suppress_tokens: [first] })).not.toContain(first)
  expect(await generated({ max_new_tokens: 6, suppress_tokens: [first] }, { suppressTokens: [] })).toEqual(plain)
  expect((await generated({ forced_eos_token_id: 9 }, { maxNewTokens: 3 })).at(-1)).toBe(9)
  expect(new Set(await generated({ no_repeat_ngram_size: 1 }, { maxNewTokens: 40 })).size).toBe(40)
})
