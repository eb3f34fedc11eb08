import { describe, expect, expectTypeOf, it } from 'vitest'
import { type ShiftConfig, shift } from '../adapted/tiny-model.fake.js'
import { hostTensor } from '../dtype.js'
import { mul } from '../graph/ops/binary.js'
import type { Tensor } from '../graph/tensor.js'
import { configure, configureFromFile, defineModuleTuner, definePromptTuner, defineTuner } from './define-tuner.js'
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
    expect(() => tiny({ ranks: 4 })).toThrow('Did you mean rank?')
  })

  it('demands a file key for every tensor that is created, and no other', () => {
    const { fileKeys: _, ...keyless } = definition
    const merge = ({ weight }: { weight: Tensor }) => weight
    // @ts-expect-error: no fileKeys
    defineTuner({ ...keyless, merge })
    type State = { readonly a: Tensor; readonly b?: Tensor }
    const { create } = definition
    // @ts-expect-error: no key for a
    defineTuner<{ rank: number }, State>({ ...keyless, create, merge, fileKeys: { b: 'tiny_b' } })
    // @ts-expect-error: no key for a at some sites
    defineTuner<{ rank: number }, State>({ ...keyless, create, merge, fileKeys: () => ({}) })
    expect(defineTuner<{ rank: number }, State>({ ...definition, merge }).fileKeys).toEqual({ a: 'tiny_a' })
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
  it('refuses keys that the tuner does not know, naming the nearest', () => {
    expect(() => configure(shift, { strat: 1 })).toThrow(
      expect.objectContaining({
        code: 'config.unknown',
        details: { key: 'strat', kind: 'shift' },
        fix: 'Did you mean start?',
      }),
    )
    expect(() => configure(shift, { taskTyp: 'CAUSAL_LM' })).toThrow('Did you mean taskType?')
  })
})

describe('configureFromFile', () => {
  it('names the keys of the file that the tuner does not know', () => {
    expect(configureFromFile(shift, { start: 1, newer_key: true, revision: 'main' })).toMatchObject({
      config: { start: 1 },
      unknownKeys: ['newerKey'],
      metadata: { revision: 'main' },
    })
  })

  it('puts what a program gives over the file, whose keys are not the program’s', () => {
    const file = { start: 1, newer: true, target_modules: ['x'] }
    expect(configureFromFile(shift, file, { start: 2 })).toMatchObject({
      config: { start: 2, targetModules: ['x'] },
      unknownKeys: ['newer'],
    })
    expect(() => configureFromFile(shift, file, { strat: 2 })).toThrow('Did you mean start?')
  })

  it('answers keys of programs with those of files', () => {
    for (const [key, ours] of [
      ['targetModules', 'target_modules'],
      ['baseModelNameOrPath', 'base_model_name_or_path'],
    ] as const) {
      const unknown = { code: 'config.unknown', details: { key, kind: 'shift' }, fix: `Write ${ours}` }
      expect(() => configureFromFile(shift, { [key]: null })).toThrow(expect.objectContaining(unknown))
    }
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
