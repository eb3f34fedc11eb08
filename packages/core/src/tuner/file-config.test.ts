import { describe, expect, it } from 'vitest'
import { camelCase, fromFileConfig, PEFT_VERSION, snakeCase, splitMetadata, toFileConfig } from './file-config.js'

const metadata = {
  taskType: 'CAUSAL_LM' as const,
  baseModelNameOrPath: 'me/base',
  revision: null,
  inferenceMode: false,
  autoMapping: null,
  peftVersion: null,
}

describe('file keys', () => {
  it.each([
    ['lora_alpha', 'loraAlpha'],
    ['init_ia3_weights', 'initIa3Weights'],
    ['r', 'r'],
    ['use_bdlora', 'useBdlora'],
    ['base_model_name_or_path', 'baseModelNameOrPath'],
  ])('%s is %s', (file, program) => {
    expect(camelCase(file)).toBe(program)
    expect(snakeCase(program)).toBe(file)
  })

  it('inside values are never renamed', () => {
    const file = { peft_type: 'LORA', rank_pattern: { q_proj: 4 }, lora_alpha: 8 }
    const config = fromFileConfig(file)
    expect(config).toEqual({ rankPattern: { q_proj: 4 }, loraAlpha: 8 })
    expect(toFileConfig({ kind: 'lora' }, config, metadata)).toMatchObject({
      rank_pattern: { q_proj: 4 },
      lora_alpha: 8,
    })
  })
})

describe('splitMetadata', () => {
  it('takes the fields of every method out', () => {
    const raw = fromFileConfig({
      r: 8,
      task_type: 'SEQ_CLS',
      revision: null,
      inference_mode: true,
      auto_mapping: { a: 1 },
    })
    expect(splitMetadata(raw)).toEqual({
      metadata: { taskType: 'SEQ_CLS', inferenceMode: true, autoMapping: { a: 1 } },
      own: { r: 8 },
    })
  })

  it('refuses a task that does not exist', () => {
    expect(() => splitMetadata({ taskType: 'CASUAL_LM' })).toThrow(
      expect.objectContaining({ code: 'config.value', details: expect.objectContaining({ taskType: 'CASUAL_LM' }) }),
    )
  })
})

describe('a method whose keys follow no rule', () => {
  const tuner = { kind: 'odd', configKeys: { deltaT: 'deltaT', applyGS: 'apply_GS' } }

  it('comes back from its file as it went', () => {
    const config = { deltaT: 2, applyGS: true, rankPattern: {} }
    const file = toFileConfig(tuner, config, metadata)
    expect(Object.keys(file).slice(0, 3)).toEqual(['deltaT', 'apply_GS', 'rank_pattern'])
    expect(fromFileConfig(file, tuner)).toMatchObject(config)
  })
})

describe('toFileConfig', () => {
  it('adds every method’s fields, and inference_mode is always true', () => {
    expect(toFileConfig({ kind: 'ia3' }, { fanInFanOut: true }, metadata)).toEqual({
      fan_in_fan_out: true,
      peft_type: 'IA3',
      task_type: 'CAUSAL_LM',
      auto_mapping: null,
      base_model_name_or_path: 'me/base',
      revision: null,
      inference_mode: true,
      peft_version: PEFT_VERSION,
    })
  })
})
