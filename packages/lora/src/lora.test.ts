import { AdaptedModel, type ConfiguredTuner, Random, type Site, toFileConfig } from '@espalier/core'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type LoraConfig, loraConfig } from './config.js'
import { createLoraValues } from './initial-values.js'
import { lora } from './lora.js'
import { distance, merge, outputOf, randomised, threeLayers } from './three-layers.fake.js'

const CLOSE = 1e-5 // float32: merged and adapted products round differently
const every = ['table', '0', '1']

const site = (kind: Site['kind']): Site => ({ path: 'x', paths: ['x'], kind, inSize: 100, outSize: 50, hasBias: true })
const create = (config: Partial<LoraConfig>, kind: Site['kind'] = 'linear') =>
  createLoraValues({ site: site(kind), config: loraConfig.parse(config), random: new Random(0) })
const deviation = (data: ArrayLike<number>) =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0) / data.length)
const largest = (data: ArrayLike<number>) => Math.max(...Array.from(data, Math.abs))

describe('lora', () => {
  it('starts as identity at every kind of layer', async () => {
    const adapted = new AdaptedModel(threeLayers())
    const plain = await outputOf(adapted)
    adapted.addAdapter('default', lora({ r: 2, targetModules: every }))
    expect(distance(await outputOf(adapted), plain)).toBe(0)
  })

  it.each([
    ['linear', { targetModules: ['0'] }],
    ['Conv1D', { targetModules: ['1'] }],
    ['embedding', { targetModules: ['table'] }],
    ['all of them with patterns and rsLoRA', { targetModules: every, useRslora: true, rankPattern: { table: 1 } }],
    ['with a bias', { targetModules: ['0', '1'], loraBias: true }],
  ])('gives the merged output: %s', async (_, config) => {
    const adapted = await randomised(lora({ r: 2, loraAlpha: 5, ...config }))
    const adaptedOutput = await outputOf(adapted)
    adapted.setEnabled(false)
    expect(distance(adaptedOutput, await outputOf(adapted))).toBeGreaterThan(0.01)
    adapted.setEnabled(true)
    await merge(adapted)
    expect(distance(adaptedOutput, await outputOf(adapted))).toBeLessThan(CLOSE)
  })

  it('drops inputs only while a seed is given, the same ones for the same seed', async () => {
    const adapted = await randomised(lora({ r: 2, loraDropout: 0.5, targetModules: ['0'] }))
    const still = await outputOf(adapted)
    const seeded = await outputOf(adapted, 1)
    expect(distance(seeded, still)).toBeGreaterThan(0.001)
    expect(distance(seeded, await outputOf(adapted, 1))).toBe(0)
    expect(distance(seeded, await outputOf(adapted, 2))).toBeGreaterThan(0.001)
    const without = await randomised(lora({ r: 2, targetModules: ['0'] }))
    // Without dropout the program does not even read the seed.
    await expect(outputOf(without, 1)).rejects.toMatchObject({ code: 'graph.slot', details: { unknown: ['seed'] } })
  })

  it('has PEFT’s file keys, and the scale as a buffer', async () => {
    const adapted = await randomised(lora({ r: 2, loraAlpha: 3, targetModules: ['0', 'table'] }))
    const adapter = adapted.adapter('default')
    expect([...adapter.specs].map(([key, { shape }]) => [key, shape])).toEqual([
      ['table.lora_embedding_A', [2, 7]],
      ['table.lora_embedding_B', [6, 2]],
      ['layers.0.lora_A.weight', [2, 6]],
      ['layers.0.lora_B.weight', [5, 2]],
    ])
    expect([...adapter.buffers.values()].map(({ data }) => data[0])).toEqual([1.5, 1.5])
    const biased = await randomised(lora({ r: 2, loraBias: true, targetModules: ['0'] }))
    expect([...biased.adapter('default').specs.keys()]).toContain('layers.0.lora_B.bias')
  })

  it('corrects fanInFanOut by the layers and says so', () => {
    const add = (config: Parameters<typeof lora>[0]) => new AdaptedModel(threeLayers()).addAdapter('a', lora(config))
    const conv = add({ targetModules: ['1'] })
    expect(conv.config).toMatchObject({ fanInFanOut: true })
    expect(conv.warnings).toEqual([expect.stringContaining('fanInFanOut is true')])
    expect(add({ targetModules: ['0'], fanInFanOut: true }).config).toMatchObject({ fanInFanOut: false })
    expect(add({ targetModules: ['1'], fanInFanOut: true }).warnings).toEqual([])
    expect(add({ targetModules: ['table'] }).config).toMatchObject({ fanInFanOut: false })
  })

  it('warns of patterns without a layer', () => {
    const { warnings } = new AdaptedModel(threeLayers()).addAdapter('a', lora({ rankPattern: { nothing: 4 } }))
    expect(warnings).toEqual([expect.stringContaining('rankPattern')])
  })

  it('refuses to merge a bias into a layer without one, and loraBias on embeddings', async () => {
    const adapted = await randomised(lora({ loraBias: true, targetModules: ['0'] }), false)
    expect(adapted.adapter('default').warnings).toEqual([expect.stringContaining('layers.0')])
    await expect(merge(adapted)).rejects.toMatchObject({ code: 'adapter.state' })
    expect(() =>
      new AdaptedModel(threeLayers()).addAdapter('a', lora({ loraBias: true, targetModules: every })),
    ).toThrow(expect.objectContaining({ code: 'config.unsupported' }))
  })

  it('writes PEFT’s 41 keys', () => {
    const { config, metadata } = new AdaptedModel(threeLayers()).addAdapter('a', lora({ taskType: 'CAUSAL_LM' }))
    const file = toFileConfig(lora, config, metadata)
    expect(Object.keys(file)).toHaveLength(41)
    expect(file).toMatchObject({ peft_type: 'LORA', target_modules: ['0'], inference_mode: true, use_rslora: false })
  })

  it('has a typed configuration', () => {
    expectTypeOf(lora({ r: 8 })).toEqualTypeOf<ConfiguredTuner<LoraConfig>>()
    expectTypeOf(lora).parameter(0).toExtend<object | undefined>()
    lora({ targetModules: /.*q_proj/, modulesToSave: ['lm_head'], taskType: 'CAUSAL_LM' })
    // @ts-expect-error: r is a number
    expect(() => lora({ r: '8' })).toThrow()
    // @ts-expect-error: no such field
    expect(() => lora({ rank: 8 })).toThrow(expect.objectContaining({ code: 'config.unknown' }))
  })
})

describe('createLoraValues', () => {
  it('draws A from torch’s uniform range and leaves B at zero', () => {
    const { A, B, bias } = create({ r: 64, loraBias: true })
    expect([A.shape, B.shape, bias?.shape]).toEqual([[64, 100], [50, 64], [50]])
    expect(largest(A.data)).toBeLessThanOrEqual(0.1)
    expect(deviation(A.data)).toBeCloseTo(0.1 / Math.sqrt(3), 2)
    expect([largest(B.data), largest(bias?.data ?? [1])]).toEqual([0, 0])
  })

  it('gaussian: deviation 1 / r', () => {
    const { A, B } = create({ r: 64, initLoraWeights: 'gaussian' })
    expect(deviation(A.data)).toBeCloseTo(1 / 64, 3)
    expect(largest(B.data)).toBe(0)
  })

  it('false: both uniform, so that it is no identity', () => {
    const { A, B, bias } = create({ r: 64, initLoraWeights: false, loraBias: true })
    expect(deviation(A.data)).toBeCloseTo(0.1 / Math.sqrt(3), 2)
    expect(deviation(B.data)).toBeCloseTo(1 / 8 / Math.sqrt(3), 2)
    expect(largest(bias?.data ?? [])).toBeGreaterThan(0)
  })

  it('embeddings: A zero and B standard normal; false: both normal', () => {
    const { A, B } = create({ r: 64 }, 'embedding')
    expect(largest(A.data)).toBe(0)
    expect(deviation(B.data)).toBeCloseTo(1, 1)
    expect(deviation(create({ r: 64, initLoraWeights: false }, 'embedding').A.data)).toBeCloseTo(1, 1)
  })
})
