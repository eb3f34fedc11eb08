import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { AdaptedModel } from './adapted-model.js'
import { type MergeOptions, mergeAdapters, mergedWeights } from './merge.js'
import { distance, logitsOf, shift, stretch, tinyBase } from './tiny-model.fake.js'
import { weightRequests } from './weights.js'

const CLOSE = 1e-5 // float32: merged and adapted products round differently

async function merge(adapted: AdaptedModel, options?: MergeOptions) {
  const backend = reference()
  const weights = await backend.loadWeights(weightRequests(adapted.base.model))
  return mergeAdapters(adapted, backend, weights, options)
}

function adaptedTwice(options?: Parameters<typeof tinyBase>[0]) {
  const adapted = new AdaptedModel(tinyBase(options))
  const targetModules = ['q_proj', 'c_proj', 'embed_tokens']
  adapted.addAdapter('a', shift({ start: 0.5, targetModules }), { seed: 1 })
  adapted.addAdapter('b', shift({ start: -0.3, targetModules: ['q_proj', 'lm_head'] }), { seed: 2 })
  return adapted
}

describe('mergeAdapters', () => {
  it('gives the adapted output, names every changed weight and is undone exactly', async () => {
    const adapted = adaptedTwice()
    const plain = await logitsOf(adapted, adapted.base.model)
    const active = await logitsOf(adapted)
    const merged = await merge(adapted)
    expect([...merged.keys()].sort()).toEqual([
      'model.embed_tokens.weight',
      'model.layers.0.c_proj.bias',
      'model.layers.0.c_proj.weight',
      'model.layers.0.q_proj.weight',
      'model.layers.1.c_proj.bias',
      'model.layers.1.c_proj.weight',
      'model.layers.1.q_proj.weight',
    ])
    expect(adapted.mergedAdapters).toEqual(['a'])
    expect(distance(await logitsOf(adapted), active)).toBeLessThan(CLOSE)
    adapted.clearMerged()
    expect(distance(await logitsOf(adapted), active)).toBe(0)
    expect(distance(await logitsOf(adapted, adapted.base.model), plain)).toBe(0)
  })

  it('merges one after another as it merges together', async () => {
    const together = adaptedTwice()
    together.setAdapter(['a', 'b'])
    const expected = await logitsOf(together)
    await merge(together)
    expect(distance(await logitsOf(together), expected)).toBeLessThan(CLOSE)
    const oneByOne = adaptedTwice()
    await merge(oneByOne, { adapterNames: ['a'] })
    await merge(oneByOne, { adapterNames: ['b'] })
    expect(oneByOne.mergedAdapters).toEqual(['a', 'b'])
    expect(distance(await logitsOf(oneByOne), expected)).toBeLessThan(CLOSE)
  })

  it('merging twice is merging once', async () => {
    const adapted = adaptedTwice()
    await merge(adapted)
    const once = await logitsOf(adapted)
    await merge(adapted)
    expect(adapted.mergedAdapters).toEqual(['a'])
    expect(distance(await logitsOf(adapted), once)).toBe(0)
  })

  it('unties a weight that two layers share when one of them changes, so that merged is what was active', async () => {
    for (const targetModules of [['embed_tokens'], ['lm_head'], ['embed_tokens', 'lm_head']]) {
      const adapted = new AdaptedModel(tinyBase({ tied: true }))
      adapted.addAdapter('a', shift({ start: 0.5, targetModules }))
      const active = await logitsOf(adapted)
      const merged = await merge(adapted)
      expect([...merged.keys()].sort()).toEqual(['lm_head.weight', 'model.embed_tokens.weight'])
      expect(distance(await logitsOf(adapted), active)).toBeLessThan(CLOSE)
      adapted.clearMerged()
      expect(distance(await logitsOf(adapted), active)).toBe(0)
    }
  })

  it('saved modules of a tied model have keys and values of their own', async () => {
    for (const modulesToSave of [['lm_head'], ['embed_tokens'], ['embed_tokens', 'lm_head']]) {
      const adapted = new AdaptedModel(tinyBase({ tied: true }))
      const adapter = adapted.addAdapter('a', shift({ start: 0.5, modulesToSave }))
      const keys = ['model.embed_tokens.weight', 'lm_head.weight']
      const own = keys.filter((key) => modulesToSave.some((name) => key.includes(name)))
      expect([...adapter.specs.keys()].filter((key) => keys.includes(key))).toEqual(own)
      const values = own.map(
        (key, k) =>
          [
            key,
            hostTensor(
              'f32',
              [6, 4],
              Array.from({ length: 24 }, (_, i) => Math.sin(i + k)),
            ),
          ] as const,
      )
      adapter.setValues(new Map(values), { partial: true })
      const active = await logitsOf(adapted)
      const merged = await merge(adapted)
      for (const [key, value] of values) expect(merged.get(key)).toEqual(value)
      expect(distance(await logitsOf(adapted), active)).toBeLessThan(CLOSE)
      expect(distance(active, await logitsOf(adapted, adapted.base.model))).toBeGreaterThan(0.1)
    }
  })

  it('puts saved modules in place of the base’s', async () => {
    const adapted = new AdaptedModel(tinyBase())
    const adapter = adapted.addAdapter('a', shift({ modulesToSave: ['lm_head'] }))
    adapter.setValues(new Map([['lm_head.weight', hostTensor('f32', [6, 4])]]), { partial: true })
    const merged = await merge(adapted)
    expect(Math.max(...(merged.get('lm_head.weight')?.data ?? [1]))).toBe(0)
    expect(Math.max(...(await logitsOf(adapted)).data)).toBe(0)
  })

  it('says what it would merge without merging, whatever is active or enabled, from the values at the call', async () => {
    const adapted = adaptedTwice()
    const expected = await merge(adaptedTwice())
    const backend = reference()
    const weights = await backend.loadWeights(weightRequests(adapted.base.model))
    adapted.setEnabled(false)
    const asked = mergedWeights(adapted, backend, weights)
    adapted.setAdapter('b')
    adapted.adapter('a').setValues(new Map([['model.layers.0.q_proj.shift_a', hostTensor('f32', [4, 1])]]), {
      partial: true,
    })
    expect(await asked).toEqual({ names: ['a'], weights: expected, losses: new Map() })
    expect([adapted.mergedAdapters, adapted.activeAdapters, adapted.isEnabled]).toEqual([[], ['b'], false])
  })

  it('with safe, refuses weights that are not finite and changes nothing', async () => {
    const adapted = adaptedTwice()
    const key = 'model.layers.1.q_proj.shift_a'
    adapted.adapter('a').setValues(new Map([[key, hostTensor('f32', [4, 1], [1, Number.NaN, 1, 1])]]), {
      partial: true,
    })
    await expect(merge(adapted, { safe: true })).rejects.toMatchObject({
      code: 'merge.finite',
      details: { adapters: ['a'], weights: ['model.layers.1.q_proj.weight'] },
    })
    expect(adapted.mergedAdapters).toEqual([])
  })

  it('refuses methods without merge, and switching or deleting while merged', async () => {
    const stretched = new AdaptedModel(tinyBase())
    stretched.addAdapter('a', stretch())
    await expect(merge(stretched)).rejects.toMatchObject({ code: 'adapter.state' })
    const adapted = adaptedTwice()
    await merge(adapted)
    expect(() => adapted.setAdapter('b')).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(() => adapted.deleteAdapter('a')).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(() => adapted.trainable()).toThrow(expect.objectContaining({ code: 'adapter.state' }))
  })
})
