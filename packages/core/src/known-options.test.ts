import { expect, it } from 'vitest'
import { checkOptions, type OptionKinds, requireParts } from './known-options.js'

interface Options {
  readonly seed?: number
  readonly stop?: readonly string[]
  readonly maxLength?: number | null
}

const kinds: OptionKinds<Options> = { seed: 'seed', stop: 'array', maxLength: ['number', 'null'] }
const check = (options: object) => checkOptions<Options>('draw', options, kinds)

it('refuses names that do not exist, and tells the nearest', () => {
  for (const [key, meant] of [
    ['sed', 'seed'],
    ['max_length', 'maxLength'],
  ] as const) {
    const unknown = { code: 'config.unknown', details: { key } }
    expect(() => check({ [key]: 1 })).toThrow(expect.objectContaining(unknown))
    expect(() => check({ [key]: 1 })).toThrow(`Did you mean ${meant}?`)
  }
  expect(() => check({ toString: true })).toThrow('draw has no option of this name')
})

it('says what to do instead of names from elsewhere', () => {
  const others = { numSeeds: 'Call it once for each seed' }
  for (const key of ['numSeeds', 'num_seeds'])
    expect(() => checkOptions<Options>('draw', { [key]: 2 }, kinds, others)).toThrow(
      expect.objectContaining({ code: 'config.unsupported', details: { [key]: 2 }, fix: others.numSeeds }),
    )
})

it('knows seeds and signals from other numbers and objects', () => {
  const seed = { code: 'config.value', message: expect.stringContaining('a whole number from 0 to 2^32 - 1') }
  for (const value of [-1, 2 ** 32, 0.5, Number.NaN, '1', null])
    expect(() => check({ seed: value })).toThrow(expect.objectContaining(seed))
  check({ seed: 2 ** 32 - 1 })
  const stop = (signal: unknown) =>
    checkOptions<{ signal: AbortSignal }>('draw', { signal: signal as AbortSignal }, { signal: 'signal' })
  for (const signal of [{}, { aborted: false }, new AbortController(), 'stop', null])
    expect(() => stop(signal)).toThrow(expect.objectContaining({ code: 'config.value', details: { signal } }))
  stop(AbortSignal.timeout(1000))
})

it('refuses what are no options, and values without the parts that are used', () => {
  for (const options of [null, undefined, 5, 'seed', []])
    expect(() => check(options as unknown as object)).toThrow(expect.objectContaining({ code: 'config.value' }))
  for (const value of [undefined, null, 'model', 5, {}, { compile: 1 }])
    expect(() => requireParts('backend', value, ['compile', 'dtypes'], 'Give what onnx() returns')).toThrow(
      expect.objectContaining({ code: 'config.value', fix: 'Give what onnx() returns' }),
    )
  requireParts(
    'backend',
    Object.assign(() => {}, { compile: 1, dtypes: 2 }),
    ['compile', 'dtypes'],
    '',
  )
})

it('names the await that a promise lacks', () => {
  const promise = Promise.resolve({ compile: 1 })
  for (const call of [
    () => requireParts('backend', promise, ['compile'], 'Give what onnx() returns'),
    () => check({ seed: promise }),
    () => check(promise),
    () => checkOptions<{ source: unknown }>('draw', { source: promise }, { source: 'any' }),
  ]) {
    expect(call).toThrow(expect.objectContaining({ code: 'config.value' }))
    expect(call).toThrow('await')
  }
})

it('refuses values of another kind, naming the option', () => {
  for (const options of [{ seed: '1' }, { seed: null }, { stop: {} }, { maxLength: [] }, { seed: 1n }])
    expect(() => check(options)).toThrow(expect.objectContaining({ code: 'config.value', details: options }))
  check({ seed: 1, stop: [], maxLength: null })
  check({ seed: undefined })
})
