import { describe, expect, it } from 'vitest'
import { fullMatch, layerPattern, patternKeyMatch, toPythonPattern } from './python-regex.js'

describe('fullMatch', () => {
  it.each([
    ['.*\\.q_proj', 'model.layers.0.q_proj', true],
    ['q_proj', 'model.layers.0.q_proj', false],
    ['.*\\.(q|v)_proj', 'model.layers.0.v_proj', true],
    ['(?i).*Q_PROJ', 'model.q_proj', true],
    ['a|b', 'ab', false],
    ['\\Ax\\Z', 'x', true],
    ['\\\\A', '\\A', true],
    ['(?P<name>ab)(?P=name)', 'abab', true],
    ['a{,2}', 'aa', true],
    ['a{,2}', 'a{,2}', false],
    ['[]a]b', ']b', true],
    ['[^]a]b', 'xb', true],
    ['[^]a]b', ']b', false],
  ])('%s on %s: %s', (pattern, path, matches) => {
    expect(fullMatch(pattern).test(path)).toBe(matches)
  })

  it('refuses patterns that JavaScript cannot express', () => {
    for (const pattern of ['(', '(?x)a b', 'a++'])
      expect(() => fullMatch(pattern)).toThrow(expect.objectContaining({ code: 'config.value', details: { pattern } }))
  })
})

describe('patternKeyMatch', () => {
  it.each([
    ['q_proj', 'model.layers.0.q_proj', true],
    ['proj', 'model.layers.0.q_proj', false],
    ['^model.layers.0.mlp.down_proj', 'model.layers.0.mlp.down_proj', true],
    ['^down_proj', 'model.layers.0.mlp.down_proj', false],
    ['layers\\.\\d+\\.q_proj', 'model.layers.11.q_proj', true],
    ['q_proj|v_proj', 'model.v_proj', true],
    ['q_proj|v_proj', 'model.v_proj.base', false],
  ])('%s on %s: %s', (pattern, path, matches) => {
    expect(patternKeyMatch(pattern).test(path)).toBe(matches)
  })
})

describe('layerPattern', () => {
  it.each([
    ['layers', 'model.layers.3.q_proj', '3'],
    ['layers', 'layers.3.q_proj', '3'],
    ['layers', 'model.mylayers.3.q_proj', undefined],
    ['h', 'transformer.h.12.mlp.experts.4.w', '12'],
    ['a|layers', 'model.layers.3.q', '3'],
  ])('%s on %s: %s', (pattern, path, index) => {
    expect(layerPattern(pattern).exec(path)?.groups?.index).toBe(index)
  })
})

describe('toPythonPattern', () => {
  it.each([
    [/.*\.q_proj/, '.*\\.q_proj'],
    [/a\/b/, 'a/b'],
    [/Q/i, '(?i)Q'],
    [/layers\.\d{1,2}\.q/u, 'layers\\.\\d{1,2}\\.q'],
    [/(?<name>a)b/, '(?P<name>a)b'],
    [/(?<=a)b/, '(?<=a)b'],
  ])('%s becomes %s', (expression, pattern) => {
    expect(toPythonPattern(expression)).toBe(pattern)
    expect(() => fullMatch(pattern)).not.toThrow()
  })

  it('refuses what Python lacks', () => {
    for (const expression of [/a/g, /a/s, /\p{L}/u, /\u{61}/u, /(?<=a+)b/, /(?<n>a)\k<n>/, /\cA/])
      expect(() => toPythonPattern(expression)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
