import { describe, expect, it } from 'vitest'
import { ia3Config } from './config.js'

describe('ia3Config', () => {
  it('completes a configuration with PEFT’s defaults and leaves out unknown keys', () => {
    expect(ia3Config.parse({ r: 8 })).toEqual({
      targetModules: null,
      excludeModules: null,
      feedforwardModules: null,
      fanInFanOut: false,
      modulesToSave: null,
      initIa3Weights: true,
    })
  })

  it.each<[string, Record<string, unknown>]>([
    ['a number of targets', { targetModules: 3 }],
    ['a broken pattern', { feedforwardModules: '(' }],
    ['feed-forward layers outside the targets', { targetModules: ['k'], feedforwardModules: ['wo'] }],
    ['a name of modules to save', { modulesToSave: 'head' }],
    ['a word for a flag', { initIa3Weights: 'ones' }],
  ])('refuses %s', (_, raw) => {
    expect(() => ia3Config.parse(raw)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('accepts feed-forward layers as a pattern', () => {
    expect(ia3Config.parse({ targetModules: ['k'], feedforwardModules: '.*wo' }).feedforwardModules).toBe('.*wo')
  })
})
