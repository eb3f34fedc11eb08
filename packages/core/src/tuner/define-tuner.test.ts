import { describe, expect, expectTypeOf, it } from 'vitest'
import { type ShiftConfig, shift } from '../adapted/tiny-model.fake.js'
import { hostTensor } from '../dtype.js'
import { mul } from '../graph/ops/binary.js'
import type { Tensor } from '../graph/tensor.js'
import { configure, defineModuleTuner, definePromptTuner, defineTuner } from './define-tuner.js'
import type { ConfiguredTuner } from './families.js'

const definition = {
  kind: 'tiny',
  parse: (raw: Readonly<Record<string, unknown>>) => ({ rank: Number(raw.rank ?? 1) }),
  fileKeys: { a: 'tiny_a' },
  create: () => ({ a: hostTensor('f32', [1], [1]) }),
}

describe('defineTuner', () => {
  it('gives a function of the configuration that carries the definition along', () => {
    const configured = shift({ start: 2, taskType: 'CAUSAL_LM' })
    expect(configured).toMatchObject({
      config: { start: 2, targetModules: null },
      metadata: { taskType: 'CAUSAL_LM' },
      unknownKeys: [],
    })
    expect({ ...shift }).toMatchObject({ kind: 'shift', apiVersion: 1, family: 'layer' })
    expect(configured.tuner.kind).toBe('shift')
    expect(shift().config).toMatchObject({ start: 0 })
  })

  it('infers the configuration’s type from parse', () => {
    const tiny = defineTuner({ ...definition, merge: ({ weight, config }) => mul(weight, config.rank) })
    expectTypeOf(tiny({ rank: 4 })).toEqualTypeOf<ConfiguredTuner<{ rank: number }>>()
    expectTypeOf(shift({})).toEqualTypeOf<ConfiguredTuner<ShiftConfig>>()
    // @ts-expect-error: rank is a number
    tiny({ rank: 'four' })
    // @ts-expect-error: no such field
    tiny({ ranks: 4 })
  })

  it('refuses a definition without merge and forward, and odd kinds', () => {
    expect(() => defineTuner(definition)).toThrow(expect.objectContaining({ code: 'config.value' }))
    for (const kind of ['LORA', '', '1a', 'a-b'])
      expect(() => defineTuner({ ...definition, kind, merge: ({ weight }) => weight })).toThrow(
        expect.objectContaining({ code: 'config.value' }),
      )
  })

  it('takes target names as a RegExp, and refuses one that Python cannot express', () => {
    expect(shift({ targetModules: /.*\.q_proj/, excludeModules: /X/i }).config).toMatchObject({
      targetModules: '.*\\.q_proj',
      excludeModules: '(?i)X',
    })
    expect(() => shift({ targetModules: /a/g })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})

describe('configure', () => {
  it('names the keys that the tuner does not return', () => {
    expect(configure(shift, { start: 1, newer: true, revision: 'main' })).toMatchObject({
      unknownKeys: ['newer'],
      metadata: { revision: 'main' },
    })
  })
})

describe('the other families', () => {
  it('are values of the same shape', () => {
    const parse = (raw: Readonly<Record<string, unknown>>) => ({ tokens: Number(raw.tokens ?? 2) })
    const create = () => ({ rows: hostTensor('f32', [2, 4]) })
    const prompt = definePromptTuner<{ tokens: number }, { rows: Tensor }>({
      kind: 'prompt_x',
      parse,
      create,
      virtualTokens: ({ tokens }) => tokens,
      prompt: ({ state }) => ({ embeddings: state.rows }),
    })
    const module = defineModuleTuner({
      kind: 'module_x',
      parse,
      create,
      matches: () => true,
      replace: ({ module }) => module,
    })
    expect([prompt.family, module.family]).toEqual(['prompt', 'module'])
    expect(prompt({ tokens: 3 }).config).toEqual({ tokens: 3 })
  })
})
