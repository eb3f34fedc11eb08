import { AdaptedModel, type ConfiguredTuner } from '@espalier/core'
import { checkTuner, testModel } from '@espalier/testkit'
import { describe, expect, expectTypeOf, it, test } from 'vitest'
import type { Ia3Config } from './config.js'
import { ia3 } from './ia3.js'

describe('the suite of tuners', () =>
  checkTuner(ia3, {
    test,
    variants: {
      'outputs scaled': { config: { feedforwardModules: [] }, drawsInitialValues: false },
      'some inputs scaled': { config: { feedforwardModules: ['c_fc', 'down_proj'] }, drawsInitialValues: false },
      'started at random': {
        config: { feedforwardModules: '.*v_proj', initIa3Weights: false },
        startsAsIdentity: false,
      },
      'with the head in full': {
        config: { feedforwardModules: [], modulesToSave: ['lm_head'] },
        drawsInitialValues: false,
      },
    },
  }))

const add = (configured: ConfiguredTuner, modelType = 'testkit') =>
  new AdaptedModel({ ...testModel(), modelType }).addAdapter('default', configured)

describe('ia3', () => {
  it('has PEFT’s keys and shapes: (out, 1), in feed-forward layers (1, in)', () => {
    const { specs } = add(ia3({ targetModules: '.*layers.0.(v_proj|c_fc|down_proj)', feedforwardModules: ['c_fc'] }))
    expect([...specs].map(([key, { shape }]) => [key, shape])).toEqual([
      ['model.layers.0.v_proj.ia3_l', [5, 1]],
      ['model.layers.0.c_fc.ia3_l', [1, 5]],
      ['model.layers.0.down_proj.ia3_l', [4, 1]],
    ])
  })

  it('completes targets and feed-forward layers by the model type', () => {
    const { config, sites } = add(ia3(), 'llama')
    expect(config).toMatchObject({
      targetModules: ['k_proj', 'v_proj', 'down_proj'],
      feedforwardModules: ['down_proj'],
    })
    expect(sites).toHaveLength(4)
    expect(add(ia3({ targetModules: ['v_proj'] }), 'mt5').config).toMatchObject({ feedforwardModules: [] })
    expect(() => add(ia3({ targetModules: ['v_proj'] }))).toThrow(
      expect.objectContaining({ code: 'config.value', details: { modelType: 'testkit' } }),
    )
  })

  it('finds feed-forward layers by any end of the path, or a pattern for all of it', () => {
    const inputs = (feedforwardModules: string | string[]) =>
      [...add(ia3({ targetModules: '.*(q|v)_proj', feedforwardModules })).specs]
        .filter(([, { shape }]) => shape[0] === 1)
        .map(([key]) => key)
    expect(inputs(['0.v_proj'])).toEqual(['model.layers.0.v_proj.ia3_l'])
    expect(inputs(['roj'])).toHaveLength(4)
    expect(inputs('.*1.q_proj')).toEqual(['model.layers.1.q_proj.ia3_l'])
    expect(inputs('q_proj')).toEqual([])
  })

  it('saves long lists of targets as they are, so that feed-forward names stay among them', () => {
    const names = Array.from({ length: 20 }, (_, i) => `x${i}`)
    const { config } = add(ia3({ targetModules: [...names, 'layers.0.q_proj'], feedforwardModules: [] }))
    expect(config).toMatchObject({ targetModules: [...names, 'layers.0.q_proj'] })
  })

  it('corrects fanInFanOut by the layers and says so', () => {
    const { config, warnings } = add(ia3({ targetModules: ['c_fc'], feedforwardModules: [] }))
    expect(config).toMatchObject({ fanInFanOut: true })
    expect(warnings).toEqual([expect.stringContaining('fanInFanOut is true')])
  })

  it('has a typed configuration', () => {
    expectTypeOf(ia3({ feedforwardModules: ['down_proj'] })).toEqualTypeOf<ConfiguredTuner<Ia3Config>>()
    // @ts-expect-error: no such field
    expect(() => ia3({ r: 8 })).toThrow(expect.objectContaining({ code: 'config.unknown' }))
  })
})
