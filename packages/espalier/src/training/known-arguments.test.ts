import { expect, it } from 'vitest'
import { checkArguments } from './known-arguments.js'

it('refuses names that do not exist, and tells the nearest', () => {
  for (const [key, meant] of [
    ['learning_rate', 'learningRate'],
    ['maxStep', 'maxSteps'],
  ] as const) {
    const unknown = { code: 'config.unknown', details: { key } }
    expect(() => checkArguments({ [key]: 1 })).toThrow(expect.objectContaining(unknown))
    expect(() => checkArguments({ [key]: 1 })).toThrow(`Did you mean ${meant}?`)
  }
  for (const key of ['bf16', 'packing', 'toString'])
    expect(() => checkArguments({ [key]: true })).toThrow(`key="${key}"`)
})

it('refuses values of another kind, naming the argument', () => {
  for (const args of [{ learningRate: '2e-4' }, { maxSteps: null }, { shuffle: 'false' }, { outputDir: 1 }])
    expect(() => checkArguments(args)).toThrow(expect.objectContaining({ code: 'config.value', details: args }))
  checkArguments({ learningRate: 1, maxLength: null, seed: undefined, shuffle: false, lrSchedulerKwargs: {} })
})
