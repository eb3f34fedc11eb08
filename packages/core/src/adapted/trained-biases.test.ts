import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { hostTensor, toFloat32 } from '../dtype.js'
import { namedParameters } from '../module/tree.js'
import { AdaptedModel } from './adapted-model.js'
import { mergeAdapters } from './merge.js'
import { distance, logitsOf, type ShiftConfig, shift, tinyBase } from './tiny-model.fake.js'
import { weightRequests } from './weights.js'

const CLOSE = 1e-5 // float32: merged and adapted products round differently
const first = 'model.layers.0.c_proj'
const second = 'model.layers.1.c_proj'

/** The tiny model, whose biases are those of both c_proj, with an adapter that trains some of them and has moved them. */
function adaptedWith(config: Partial<ShiftConfig>) {
  const adapted = new AdaptedModel(tinyBase())
  const adapter = adapted.addAdapter('default', shift({ start: 0.5, ...config }))
  const moved = adapter.biases.map(
    ({ key }, i) => [key, hostTensor('f32', [4], new Float32Array(4).fill(i + 1))] as const,
  )
  adapter.setValues(new Map(moved), { partial: true })
  return { adapted, adapter }
}

const biasKeys = ({ specs }: { readonly specs: ReadonlyMap<string, unknown> }) =>
  [...specs.keys()].filter((key) => key.endsWith('bias'))

async function merge(adapted: AdaptedModel) {
  const backend = reference()
  return mergeAdapters(adapted, backend, await backend.loadWeights(weightRequests(adapted.base.model)))
}

describe('biases that an adapter trains', () => {
  it.each([
    ['none', { targetModules: ['q_proj'], bias: 'none' }, []],
    ['all', { targetModules: ['q_proj'], bias: 'all' }, [`${first}.bias`, `${second}.bias`]],
    [
      'all, some targeted',
      { targetModules: ['0.c_proj'], bias: 'all' },
      [`${first}.base_layer.bias`, `${second}.bias`],
    ],
    ['those of targeted layers', { targetModules: ['1.c_proj'], bias: 'shift_only' }, [`${second}.base_layer.bias`]],
    ['targeted layers without any', { targetModules: ['q_proj'], bias: 'shift_only' }, []],
  ])('have the keys of PEFT and train: %s', (_, config, keys) => {
    const { adapted, adapter } = adaptedWith(config)
    expect(biasKeys(adapter)).toEqual(keys)
    const trained = [...namedParameters(adapted.model).values()].filter(({ trains }) => trains)
    expect(trained.map(({ slotName }) => slotName).filter((name) => name.endsWith('bias'))).toEqual(
      keys.map((key) => `adapter0:${key}`),
    )
  })

  it('start as the base model has them, change its output, and leave the base alone', async () => {
    const base = tinyBase()
    const adapted = new AdaptedModel(base)
    const plain = await logitsOf(adapted)
    const adapter = adapted.addAdapter('default', shift({ targetModules: ['q_proj'], bias: 'all' }))
    expect(distance(await logitsOf(adapted), plain)).toBeLessThan(CLOSE)
    adapter.setValues(new Map([[`${first}.bias`, hostTensor('f32', [4], [1, 2, 3, 4])]]), { partial: true })
    expect(distance(await logitsOf(adapted), plain)).toBeGreaterThan(0.1)
    adapted.setEnabled(false)
    expect(distance(await logitsOf(adapted), plain)).toBe(0)
  })

  it('are missed where there are none', () => {
    const warningsOf = (config: Partial<ShiftConfig>) => adaptedWith(config).adapter.warnings
    expect(warningsOf({ targetModules: ['q_proj'], bias: 'shift_only' })).toEqual([
      'bias "shift_only" finds no bias to train',
    ])
    expect(warningsOf({ targetModules: ['q_proj'], bias: 'all' })).toEqual([])
  })

  it('are counted once', () => {
    const plain = new AdaptedModel(tinyBase())
    plain.addAdapter('default', shift({ targetModules: ['q_proj'] }))
    const before = plain.parameterCounts()
    const { adapted } = adaptedWith({ targetModules: ['q_proj'], bias: 'all' })
    expect(adapted.parameterCounts()).toEqual({ trainable: before.trainable + 8, all: before.all })
  })

  it.each([
    ['the tuner leaves them alone', { targetModules: ['q_proj'], bias: 'all' }],
    ['the tuner changes one further', { targetModules: ['1.c_proj'], bias: 'all' }],
  ])('are merged, and come back: %s', async (_, config) => {
    const { adapted } = adaptedWith(config)
    const active = await logitsOf(adapted)
    const merged = await merge(adapted)
    expect([...merged.keys()]).toEqual(expect.arrayContaining([`${first}.bias`, `${second}.bias`]))
    expect(distance(await logitsOf(adapted), active)).toBeLessThan(CLOSE)
    adapted.clearMerged()
    expect(distance(await logitsOf(adapted), active)).toBe(0)
  })

  it('of a module that is saved in full are the module’s own, and PEFT’s file has them once more', async () => {
    const { adapted, adapter } = adaptedWith({ targetModules: ['q_proj'], modulesToSave: ['0.c_proj'], bias: 'all' })
    expect(biasKeys(adapter).sort()).toEqual([`${first}.bias`, `${second}.bias`])
    expect(adapter.biases.map(({ key }) => key)).toEqual([`${second}.bias`])
    const own = hostTensor('f32', [4], [4, 3, 2, 1])
    adapter.setValues(new Map([[`${first}.bias`, own]]), { partial: true })
    const file = await adapter.fileValues()
    expect(file.get(`${first}.modules_to_save.bias`)).toEqual(own)
    const original = namedParameters(adapted.base.model).get(`${first}.bias`)!
    const bytes = await original.source.read()
    expect([...toFloat32(file.get(`${first}.original_module.bias`)!)]).toEqual([
      ...new Float32Array(bytes.buffer, bytes.byteOffset, 4),
    ])
    expect([...adapter.specs.keys()].filter((key) => /original_module|modules_to_save/.test(key))).toEqual([])
  })

  it('deep in such a module keep the adapter’s name in that file', async () => {
    const adapted = new AdaptedModel(tinyBase())
    const adapter = adapted.addAdapter(
      'mine',
      shift({ targetModules: ['lm_head'], modulesToSave: ['layers.0'], bias: 'all' }),
    )
    expect([...(await adapter.fileValues()).keys()].filter((key) => key.endsWith('bias')).sort()).toEqual([
      'model.layers.0.c_proj.bias',
      'model.layers.0.modules_to_save.mine.c_proj.bias',
      'model.layers.0.original_module.c_proj.bias',
      'model.layers.1.c_proj.bias',
    ])
  })

  it('give way to a module that another active adapter trains in full', async () => {
    const { adapted } = adaptedWith({ targetModules: ['q_proj'], bias: 'all' })
    adapted.addAdapter('other', shift({ targetModules: ['lm_head'], modulesToSave: ['0.c_proj'] }))
    const alone = await logitsOf(adapted)
    adapted.setAdapter(['default', 'other'])
    const slots = [...namedParameters(adapted.model).values()].map(({ slotName }) => slotName)
    expect(slots).toContain(`adapter1:${first}.bias`)
    expect(slots).not.toContain(`adapter0:${first}.bias`)
    expect(distance(await logitsOf(adapted), alone)).toBeGreaterThan(0.01)
    const active = await logitsOf(adapted)
    await merge(adapted)
    expect(distance(await logitsOf(adapted), active)).toBeLessThan(CLOSE)
  })

  it('are of one adapter only', () => {
    const { adapted } = adaptedWith({ targetModules: ['q_proj'], bias: 'all' })
    expect(() => adapted.addAdapter('other', shift({ targetModules: ['c_proj'], bias: 'shift_only' }))).toThrow(
      expect.objectContaining({ code: 'adapter.state', details: { default: 'all', other: 'shift_only' } }),
    )
    expect(adapted.adapterNames).toEqual(['default'])
    adapted.addAdapter('other', shift({ targetModules: ['c_proj'] }))
    expect(adapted.adapterNames).toEqual(['default', 'other'])
  })
})
