import { AdaptedModel, namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { lora } from './lora.js'
import { mixture } from './mixture.fake.js'
import { distance, merge, outputOf, randomised } from './three-layers.fake.js'

const CLOSE = 1e-5
const all = ['gate.weight', 'experts.gate_up_proj', 'down_proj']
const add = (config: Parameters<typeof lora>[0]) => new AdaptedModel(mixture()).addAdapter('a', lora(config))
const shapesOf = (config: Parameters<typeof lora>[0]) =>
  Object.fromEntries([...add(config).specs].map(([key, { shape }]) => [key, shape]))

describe('LoRA on parameters', () => {
  it('has a pair of matrices for each expert, in PEFT’s keys: a wrapper for each parameter, the first innermost', () => {
    expect(shapesOf({ r: 2, targetParameters: all, rankPattern: { '.*\\.gate_up_proj': 4 } })).toEqual({
      'gate.lora_A.weight': [2, 6],
      'gate.lora_B.weight': [6, 2],
      'experts.base_layer.lora_A.weight': [12, 6],
      'experts.base_layer.lora_B.weight': [5, 12],
      'experts.lora_A.weight': [6, 5],
      'experts.lora_B.weight': [6, 6],
    })
    expect(Object.keys(shapesOf({ r: 2, targetParameters: ['gate_up_proj'] }))).toEqual([
      'experts.lora_A.weight',
      'experts.lora_B.weight',
    ])
  })

  it('starts as identity', async () => {
    const adapted = new AdaptedModel(mixture())
    const plain = await outputOf(adapted)
    adapted.addAdapter('default', lora({ r: 2, targetParameters: all }))
    expect(distance(await outputOf(adapted), plain)).toBe(0)
  })

  it.each(all.map((name) => [name]))('gives the merged output: %s', async (name) => {
    const adapted = await randomised(lora({ r: 2, loraAlpha: 5, targetParameters: [name] }), true, mixture())
    const adaptedOutput = await outputOf(adapted)
    adapted.setEnabled(false)
    expect(distance(adaptedOutput, await outputOf(adapted))).toBeGreaterThan(0.01)
    adapted.setEnabled(true)
    const [path] = namedModules(adapted.base.model).flatMap((module) => module.paths.filter((p) => p.endsWith(name)))
    expect([...(await merge(adapted)).keys()]).toEqual([path])
    expect(distance(adaptedOutput, await outputOf(adapted))).toBeLessThan(CLOSE)
  })

  it('refuses what reads the input of a layer, and parameters of layers', () => {
    for (const config of [{ loraDropout: 0.1 }, { loraBias: true }])
      expect(() => add({ ...config, targetParameters: all })).toThrow(
        expect.objectContaining({ code: 'config.unsupported' }),
      )
    expect(() => add({ targetParameters: ['table.weight'] })).toThrow(
      expect.objectContaining({
        code: 'target.unsupported',
        details: expect.objectContaining({ parameters: ['table.weight'] }),
      }),
    )
    expect(() => add({ targetParameters: ['nothing'] })).toThrow(expect.objectContaining({ code: 'target.none' }))
  })

  it('says which targets match nothing, and finds no module in the name of a parameter', () => {
    expect(add({ targetModules: ['table'], targetParameters: ['nothing'] }).warnings.join()).toContain('nothing')
    expect(add({ targetModules: ['nothing'], targetParameters: all }).warnings.join()).toContain('nothing')
    expect(() => add({ targetModules: ['gate_up_proj'] })).toThrow(expect.objectContaining({ code: 'target.none' }))
    expect(() => add({ targetModules: ['experts'] })).toThrow(expect.objectContaining({ code: 'target.unsupported' }))
  })
})
