import { fromFileConfig } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { loraConfig } from './config.js'

const defaults = loraConfig.parse({})

describe('loraConfig', () => {
  it('completes a configuration with PEFT’s defaults', () => {
    expect(defaults).toMatchObject({ r: 8, loraAlpha: 8, initLoraWeights: true, bias: 'none', targetModules: null })
    expect(loraConfig.parse({ r: 4, loraAlpha: undefined, rankPattern: null })).toEqual({ ...defaults, r: 4 })
  })

  it('has all fields of PEFT’s file but those of every method', () => {
    expect(Object.keys(defaults)).toHaveLength(34)
  })

  it('accepts what PEFT writes when nothing is switched on', () => {
    const file = {
      alora_invocation_tokens: null,
      eva_config: null,
      loftq_config: {},
      megatron_config: null,
      megatron_core: 'megatron.core',
      qalora_group_size: 16,
      target_parameters: null,
      use_bdlora: null,
      use_dora: false,
    }
    expect(loraConfig.parse(fromFileConfig(file))).toEqual(defaults)
  })

  it('leaves out keys that it does not know', () => {
    expect(Object.keys(loraConfig.parse({ enableLora: true }))).toEqual(Object.keys(defaults))
  })

  it.each<[string, unknown]>([
    ['r', 0],
    ['r', 1.5],
    ['r', '8'],
    ['r', null],
    ['loraAlpha', Number.NaN],
    ['loraDropout', 1],
    ['loraDropout', -0.1],
    ['targetModules', 3],
    ['targetModules', ['']],
    ['targetModules', '('],
    ['excludeModules', [1]],
    ['modulesToSave', 'lm_head'],
    ['layersToTransform', -1],
    ['layersToTransform', ['1']],
    ['rankPattern', { q: 0 }],
    ['rankPattern', { '(': 1 }],
    ['rankPattern', []],
    ['alphaPattern', { q: 'x' }],
    ['useRslora', 1],
    ['bias', 'some'],
    ['bias', 'vera_only'],
    ['initLoraWeights', 'zeros'],
    ['initLoraWeights', null],
  ])('refuses %s = %j', (key, value) => {
    expect(() => loraConfig.parse({ [key]: value })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it.each<[string, unknown]>([
    ['useDora', true],
    ['initLoraWeights', 'pissa'],
    ['initLoraWeights', 'pissa_niter_16'],
    ['initLoraWeights', 'olora'],
    ['trainableTokenIndices', [1]],
    ['aloraInvocationTokens', [1, 2]],
    ['layerReplication', [[0, 2]]],
    ['evaConfig', { rho: 2 }],
    ['useQalora', true],
    ['kasaConfig', {}],
    ['ensureWeightTying', true],
    ['megatronConfig', {}],
  ])('says that %s = %j does not exist yet, naming the field', (key, value) => {
    expect(() => loraConfig.parse({ [key]: value })).toThrow(
      expect.objectContaining({ code: 'config.unsupported', details: { [key]: value } }),
    )
  })

  it('refuses fields that contradict each other', () => {
    for (const raw of [
      { targetModules: '.*q', layersToTransform: [1] },
      { targetModules: '.*q', layersPattern: 'layers' },
      { targetModules: ['q'], layersPattern: 'layers' },
      { loraBias: true, initLoraWeights: 'gaussian' },
    ])
      expect(() => loraConfig.parse(raw)).toThrow(expect.objectContaining({ code: 'config.value' }))
    expect(
      loraConfig.parse({ targetModules: ['q'], layersPattern: 'layers', layersToTransform: 1 }).layersPattern,
    ).toBe('layers')
  })
})
