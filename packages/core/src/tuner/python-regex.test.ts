import { readFileSync } from 'node:fs'
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

  it('agrees with Python on its own table and on random patterns', () => {
    type Table = readonly (readonly [string, readonly number[] | null])[]
    const { texts, cases, randomTexts, random } = JSON.parse(
      readFileSync(new URL('regex/python-cases.json', import.meta.url), 'utf8'),
    ) as Record<'texts' | 'randomTexts', readonly string[]> & Record<'cases' | 'random', Table>
    for (const [table, subjects] of [[cases, texts] as const, [random, randomTexts] as const])
      for (const [pattern, expected] of table)
        expect([pattern, matches(pattern, subjects)]).toEqual([pattern, expected])
  })

  it('agrees with RegExp on patterns of the common syntax', () => {
    const draw = drawer(11)
    const texts = ['', 'a', 'b', 'ab', 'ba', 'aab', 'abab', 'bbaa', 'abba']
    for (let i = 0; i < 2000; i++) {
      const pattern = randomPattern(draw, 4)
      const expression = new RegExp(`^(?:${pattern})$`)
      const expected = texts.flatMap((text, index) => (expression.test(text) ? [index] : []))
      expect([pattern, matches(pattern, texts)]).toEqual([pattern, expected])
    }
  })

  it('answers at once where backtracking would take years', () => {
    const path = 'model.layers.0.self_attn.q_proj'.repeat(4)
    const started = performance.now()
    for (const pattern of [
      '(([a-z._0-9]+)+)+!',
      '(a|a|[a-z.])*(.|.)*!',
      '(.*)*(.*)*(.*)*(.*)*!',
      '(?:.?){60}.{80,}!',
      '((.*.*.*)+)+(?=.*!).*',
      `${'('.repeat(90)}a*${')*'.repeat(90)}!`,
    ])
      expect(fullMatch(pattern).test(path)).toBe(false)
    expect(performance.now() - started).toBeLessThan(5000) // some milliseconds; a backtracking matcher never ends
  })

  it('refuses what it cannot bound, with the pattern and the reason', () => {
    for (const pattern of [
      '(',
      '(?x)a b',
      'a++',
      '(?>a)',
      '(a)(?(1)b)',
      '(a{1000}){1000}',
      'a'.repeat(30_000),
      '('.repeat(5000),
    ])
      expect(() => fullMatch(pattern)).toThrow(
        expect.objectContaining({
          code: 'config.value',
          details: { pattern: expect.any(String) as string, reason: expect.any(String) as string },
        }),
      )
    expect(() => fullMatch('((a|a)*)\\1!').test('a'.repeat(40))).toThrow(
      expect.objectContaining({
        code: 'config.value',
        details: expect.objectContaining({ reason: 'it takes too many steps to match' }) as object,
      }),
    )
  })
})

function matches(pattern: string, texts: readonly string[]): number[] | null {
  try {
    const expression = fullMatch(pattern)
    return texts.flatMap((text, index) => (expression.test(text) ? [index] : []))
  } catch {
    return null
  }
}

/** Whole numbers below a limit, always the same ones for a seed. */
function drawer(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function randomPattern(draw: (below: number) => number, depth: number): string {
  const inner = () => randomPattern(draw, depth - 1)
  const atoms = ['a', 'b', '.', '[ab]', '[^a]', '\\w', 'ab', '^', '$']
  const kind = depth === 0 ? 0 : draw(6)
  if (kind < 2) return atoms[draw(atoms.length)] as string
  if (kind === 2) return inner() + inner()
  if (kind === 3) return `(${inner()}|${inner()})`
  if (kind === 4) return `(?${'=!:'[draw(3)]}${inner()})`
  return `(?:${inner()})${['*', '+', '?', '*?', '{2}', '{1,2}', '{0,}'][draw(7)]}`
}

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
    ['layers', 'model.layers.3.q_proj', 3],
    ['layers', 'layers.3.q_proj', 3],
    ['layers', 'model.mylayers.3.q_proj', undefined],
    ['h', 'transformer.h.12.mlp.experts.4.w', 12],
    ['a|layers', 'model.layers.3.q', 3],
    ['(a|layers)', 'x.layers.3.layers.4.q', 3],
    ['(([a-z._0-9]+)+)+!', 'model.layers.3.self_attn.q_proj', undefined],
  ])('%s on %s: %s', (pattern, path, index) => {
    expect(layerPattern(pattern).layerIndex(path)).toBe(index)
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
