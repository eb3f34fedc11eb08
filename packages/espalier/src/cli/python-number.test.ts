import { describe, expect, it } from 'vitest'
import { pythonFloat, pythonInt } from './python-number.js'

describe('pythonInt', () => {
  it('takes what int() takes', () => {
    for (const [text, value] of [
      ['5', 5],
      ['-1', -1],
      ['+7', 7],
      [' 5 ', 5],
      ['1_000', 1000],
      ['007', 7],
    ] as const)
      expect(pythonInt(text), text).toBe(value)
  })

  it('refuses what int() refuses, and what is not exact', () => {
    for (const text of ['', ' ', '0x10', '0b1', '0o7', '1e3', '5.0', '1__0', '_1', '1_', '- 1', '5 0', '1,000', '5n'])
      expect(pythonInt(text), text).toBeNaN()
    expect(pythonInt('9007199254740993')).toBeNaN()
  })
})

describe('pythonFloat', () => {
  it('takes what float() takes', () => {
    for (const [
      text,
      value,
    ] of [['1e3', 1000], ['2E-4', 2e-4], ['.5', 0.5], ['5.', 5], ['-0', -0], [' 1.5\t', 1.5], ['1_0.2_5', 10.25], ['1e1_0', 1e10]] as const) // biome-ignore format: a table
      expect(pythonFloat(text), text).toBe(value)
  })

  it('refuses what float() refuses, and infinity', () => {
    for (const text of [
      '',
      '.',
      '0x10',
      '1__0',
      '1_.5',
      '1._5',
      'e5',
      '1e',
      '1e5.0',
      '1f',
      'inf',
      'nan',
      'Infinity',
      '1e400',
    ])
      expect(pythonFloat(text), text).toBeNaN()
  })
})
