import { lora } from '@espalier/lora'
import { configureAdapter } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'

const file = { r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj'], rank_pattern: {}, use_rslora: false }
const configured = (changed: Readonly<Record<string, unknown>> = {}) =>
  configureAdapter(lora, { ...file, ...changed }, { file: 'adapter_config.json', folder: 'out' })

describe('configureAdapter', () => {
  it('configures the tuner as the file says', () => {
    expect(configured().config).toMatchObject({ r: 8, loraAlpha: 16, targetModules: ['q_proj'] })
  })

  it.each<[string, unknown]>([
    ['r', '8'],
    ['r', -1],
    ['r', 8.5],
    ['lora_alpha', null],
    ['lora_alpha', 'x'],
    ['lora_dropout', 2],
    ['target_modules', 5],
    ['rank_pattern', { q_proj: 'x' }],
    ['use_rslora', 'yes'],
    ['modules_to_save', 7],
    ['task_type', 'CAUSAL_LMX'],
  ])('tells a wrong %s with the file and its own key', (key, value) => {
    let error: unknown
    try {
      configured({ [key]: value })
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ code: 'adapter.config', details: { file: 'adapter_config.json', folder: 'out' } })
    const { message } = error as Error
    expect(message).toContain(key)
    expect(message).not.toMatch(/loraAlpha|loraDropout|targetModules|rankPattern|useRslora|modulesToSave|taskType/)
  })
})
