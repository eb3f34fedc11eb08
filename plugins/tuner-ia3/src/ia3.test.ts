import type { ConfiguredTuner } from '@espalier/core'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Ia3Config } from './config.js'
import { ia3 } from './ia3.js'
import { distance, merge, outputOf, randomise, threeLayers } from './three-layers.fake.js'

const CLOSE = 1e-5 // float32: merged and scaled products round differently
const both = { targetModules: ['0', '1', '2'], feedforwardModules: ['1'] }

describe('ia3', () => {
  it('starts as identity, and not with initIa3Weights false', async () => {
    const adapted = threeLayers()
    const plain = await outputOf(adapted)
    adapted.addAdapter('default', ia3(both))
    expect(distance(await outputOf(adapted), plain)).toBe(0)
    adapted.addAdapter('b', ia3({ ...both, initIa3Weights: false }))
    adapted.setAdapter('b')
    expect(distance(await outputOf(adapted), plain)).toBeGreaterThan(0.01)
  })

  it('has PEFT’s keys and shapes: (out, 1), in feed-forward layers (1, in)', () => {
    const adapter = threeLayers().addAdapter('default', ia3(both))
    expect([...adapter.specs].map(([key, { shape }]) => [key, shape])).toEqual([
      ['layers.0.ia3_l', [5, 1]],
      ['layers.1.ia3_l', [1, 5]],
      ['layers.2.ia3_l', [6, 1]],
    ])
  })

  it('gives the merged output, biases of outputs scaled too', async () => {
    const adapted = threeLayers()
    adapted.addAdapter('default', ia3(both))
    randomise(adapted)
    const scaled = await outputOf(adapted)
    expect(await merge(adapted)).toEqual([
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.2.weight',
      'layers.2.bias',
    ])
    expect(distance(await outputOf(adapted), scaled)).toBeLessThan(CLOSE)
  })

  it('completes targets and feed-forward layers by the model type', () => {
    expect(() => threeLayers('llama').addAdapter('default', ia3())).toThrow(
      expect.objectContaining({
        code: 'target.none',
        details: expect.objectContaining({ targetModules: ['k_proj', 'v_proj', 'down_proj'] }),
      }),
    )
    expect(threeLayers('mt5').addAdapter('default', ia3({ targetModules: ['0'] })).config).toMatchObject({
      feedforwardModules: [],
    })
    expect(() => threeLayers().addAdapter('default', ia3({ targetModules: ['0'] }))).toThrow(
      expect.objectContaining({ code: 'config.value', details: { modelType: 'three' } }),
    )
  })

  it('finds feed-forward layers by any end of the path, or a pattern', () => {
    const shapes = (feedforwardModules: string | string[]) =>
      [
        ...threeLayers()
          .addAdapter('default', ia3({ targetModules: '.*[01]', feedforwardModules }))
          .specs.values(),
      ].map(({ shape }) => shape)
    expect(shapes(['ers.1'])).toEqual([
      [5, 1],
      [1, 5],
    ])
    expect(shapes('.*0')).toEqual([
      [1, 6],
      [4, 1],
    ])
    expect(shapes('0')).toEqual([
      [5, 1],
      [4, 1],
    ])
  })

  it('corrects fanInFanOut by the layers', () => {
    const { config, warnings } = threeLayers().addAdapter(
      'default',
      ia3({ targetModules: ['2'], feedforwardModules: [] }),
    )
    expect(config).toMatchObject({ fanInFanOut: true })
    expect(warnings).toHaveLength(1)
  })

  it('has a typed configuration', () => {
    expectTypeOf(ia3({ feedforwardModules: ['down_proj'] })).toEqualTypeOf<ConfiguredTuner<Ia3Config>>()
    // @ts-expect-error: no such field
    expect(ia3({ r: 8 }).unknownKeys).toEqual(['r'])
  })
})
