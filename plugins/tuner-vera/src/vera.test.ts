import { AdaptedModel, type ConfiguredTuner } from '@espalier/core'
import { checkTuner, testModel } from '@espalier/testkit'
import { describe, expect, expectTypeOf, it, test } from 'vitest'
import { type VeraConfig, vera } from './vera.js'

describe('the suite of tuners', () =>
  checkTuner(vera, {
    test,
    variants: {
      'projections saved': { config: { r: 3 }, drawsInitialValues: false },
      'projections drawn again': {
        config: { r: 2, saveProjection: false, projectionPrngKey: 4 },
        drawsInitialValues: false,
      },
      'with dropout': { config: { r: 3, veraDropout: 0.5, dInitial: 1 }, drawsInitialValues: false },
      'started at random': { config: { r: 3, initWeights: false }, startsAsIdentity: false },
    },
  }))

const add = (configured: ConfiguredTuner, modelType = 'testkit') =>
  new AdaptedModel({ ...testModel(), modelType }).addAdapter('default', configured)

describe('vera', () => {
  it('has PEFT’s keys and shapes: projections as large as the largest layer needs', () => {
    const { specs } = add(vera({ r: 3, targetModules: ['layers.0.v_proj', 'layers.0.down_proj'] }))
    expect([...specs].map(([key, { shape }]) => [key, shape])).toEqual([
      ['model.layers.0.v_proj.vera_lambda_d', [3]],
      ['model.layers.0.v_proj.vera_lambda_b', [5]],
      ['model.layers.0.down_proj.vera_lambda_d', [3]],
      ['model.layers.0.down_proj.vera_lambda_b', [4]],
      ['base_model.vera_A', [3, 6]],
      ['base_model.vera_B', [5, 3]],
    ])
    const { specs: without } = add(vera({ r: 3, targetModules: ['v_proj'], saveProjection: false }))
    expect([...without.keys()].filter((key) => key.startsWith('base_model'))).toEqual([])
  })

  it('draws the projections by its key, not by the seed of the adapter, within Kaiming’s bounds', async () => {
    const projection = async (projectionPrngKey: number, seed: number) => {
      const adapted = new AdaptedModel(testModel())
      const adapter = adapted.addAdapter('default', vera({ r: 64, targetModules: ['q_proj'], projectionPrngKey }), {
        seed,
      })
      return [...((await adapter.values()).get('base_model.vera_A')?.data ?? [])]
    }
    const drawn = await projection(1, 1)
    expect(await projection(1, 2)).toEqual(drawn)
    expect(await projection(2, 1)).not.toEqual(drawn)
    const largest = Math.max(...drawn.map(Math.abs))
    expect(largest).toBeLessThan(Math.sqrt(6 / 4))
    expect(largest).toBeGreaterThan(0.95 * Math.sqrt(6 / 4))
  })

  it('has PEFT’s defaults', () => {
    const targetModules = ['c_fc']
    const { config, warnings } = add(vera({ targetModules }))
    expect(config).toMatchObject({ r: 256, dInitial: 0.1, saveProjection: true, fanInFanOut: true })
    expect(warnings).toEqual([expect.stringContaining('fanInFanOut is true')])
    expect(vera.defaultTargets?.('phi')).toEqual(['q_proj', 'v_proj'])
    expect(vera.defaultTargets?.('llama')).toBe(undefined)
  })

  it('trains biases by its own word for those of targeted layers', () => {
    const { biases } = add(vera({ targetModules: ['c_fc'], bias: 'vera_only' }))
    expect(biases.map(({ key }) => key)).toEqual([0, 1].map((i) => `model.layers.${i}.c_fc.base_layer.bias`))
    // @ts-expect-error: LoRA's word
    expect(() => vera({ bias: 'lora_only' })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('has a typed configuration, without excludeModules, as PEFT', () => {
    expectTypeOf(vera({ r: 8, saveProjection: false })).toEqualTypeOf<ConfiguredTuner<VeraConfig>>()
    // @ts-expect-error: no such field
    expect(() => vera({ excludeModules: ['x'] })).toThrow(expect.objectContaining({ code: 'config.unknown' }))
  })
})
