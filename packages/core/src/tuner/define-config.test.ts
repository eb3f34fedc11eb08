import { describe, expect, expectTypeOf, it } from 'vitest'
import { type ConfigField, field, layerFields, patternFields, targetFields } from './config-fields.js'
import { type ConfigOf, defineConfig } from './define-config.js'

const fields = {
  r: field.rank(8),
  ...targetFields,
  ...layerFields,
  ...patternFields,
  alpha: field.number(4),
  dInitial: field.float(1),
  dropOut: field.share(0),
  steps: field.count(0),
  bias: field.bias('x_only'),
  old: field.kept<string | null>(null),
  conv: field.unsupported('convolution', false),
  init: field.flag(true),
}
const { parse, floatKeys } = defineConfig(fields)

describe('defineConfig', () => {
  it('completes what is not given, and leaves out what is no field', () => {
    expect(parse({ r: 4, dropOut: undefined, other: 1, rankPattern: null, targetModules: ['q'] })).toEqual({
      r: 4,
      targetModules: ['q'],
      excludeModules: null,
      modulesToSave: null,
      layersToTransform: null,
      layersPattern: null,
      rankPattern: {},
      alphaPattern: {},
      alpha: 4,
      dInitial: 1,
      dropOut: 0,
      steps: 0,
      bias: 'none',
      old: null,
      conv: false,
      init: true,
    })
  })

  it('knows the type of each field, and which Python holds as floats', () => {
    type Config = ConfigOf<typeof fields>
    expectTypeOf<Config['r']>().toEqualTypeOf<number>()
    expectTypeOf<Config['targetModules']>().toEqualTypeOf<readonly string[] | string | null>()
    expectTypeOf<Config['conv']>().toEqualTypeOf<boolean>()
    expectTypeOf(parse).returns.toEqualTypeOf<Config>()
    expect(floatKeys).toEqual(['d_initial', 'drop_out'])
  })

  it.each<[string, readonly unknown[]]>([
    ['r', [0, 1.5, '8', null]],
    ['targetModules', [3, [''], '(', {}]],
    ['modulesToSave', ['lm_head', [1]]],
    ['layersToTransform', [-1, ['1'], 'x']],
    ['layersPattern', [1]],
    ['rankPattern', [{ q: 0 }, { '(': 1 }, [], 1]],
    ['alphaPattern', [{ q: 'x' }]],
    ['alpha', [Number.NaN, '1']],
    ['dropOut', [1, -0.1, '0']],
    ['steps', [-1, 0.5]],
    ['bias', ['some', 'y_only', null]],
    ['init', [1, null]],
  ])('refuses values of %s that it cannot have, naming it', (key, values) => {
    for (const value of values)
      expect(() => parse({ [key]: value }), JSON.stringify(value)).toThrow(
        expect.objectContaining({ code: 'config.value' }),
      )
    expect(() => parse({ [key]: values[0] })).toThrow(`${key} must be`)
  })

  it('says what does not exist yet, and takes what turns it off', () => {
    for (const raw of [{ conv: true }, { conv: {} }])
      expect(() => parse(raw)).toThrow(expect.objectContaining({ code: 'config.unsupported', details: raw }))
    for (const conv of [false, null, []]) expect(parse({ conv }).conv).toBe(conv)
  })

  it('holds fields against each other', () => {
    for (const layersPattern of ['layers', ['layers']])
      expect(() => parse({ layersPattern })).toThrow('layersPattern needs layersToTransform')
    expect(parse({ layersPattern: [] }).layersPattern).toEqual([])
    expect(parse({ layersPattern: 'layers', layersToTransform: 1 }).layersToTransform).toBe(1)
    const even = defineConfig({ r: field.rank(2) }, ({ r }) => {
      if (r % 2 === 1) throw new RangeError('odd')
    })
    expect(() => even.parse({ r: 3 })).toThrow('odd')
  })

  it('takes a field of one’s own', () => {
    const upper: ConfigField<string> = { fallback: '', read: (_, value) => String(value).toUpperCase() }
    expect(defineConfig({ upper }).parse({ upper: 'a' })).toEqual({ upper: 'A' })
  })
})
