import { describe, expect, it } from 'vitest'
import { ConfigKeys, labelCount } from './config-keys.js'

const keys = new ConfigKeys({
  n: 4,
  none: null,
  share: 0.5,
  on: true,
  name: 'x',
  below: { m: 'y' },
  list: [1],
  names: ['a', 'b'],
})
const failing = (part: string) =>
  expect.objectContaining({ code: 'model.config', message: expect.stringContaining(part) })

describe('ConfigKeys', () => {
  it('gives values of the right kind, and fallbacks where a key is absent or null', () => {
    expect([keys.size('n'), keys.size('none', 3), keys.optionalInteger('none'), keys.number('share')]).toEqual([
      4,
      3,
      null,
      0.5,
    ])
    expect([keys.flag('on', false), keys.flag('off', false), keys.text('name'), keys.rate('rate')]).toEqual([
      true,
      false,
      'x',
      0,
    ])
  })

  it('gives lists of text, empty where there is none', () => {
    expect([keys.texts('names'), keys.texts('none'), keys.texts('missing')]).toEqual([['a', 'b'], [], []])
    expect(() => keys.texts('list')).toThrow(failing('a list of text'))
  })

  it('gives lists of numbers', () => {
    expect(new ConfigKeys({ factors: [1, 2.5] }).numbers('factors')).toEqual([1, 2.5])
    expect(() => keys.numbers('names')).toThrow(failing('a list of numbers'))
    expect(() => keys.numbers('missing')).toThrow(failing('missing'))
  })

  it('names the key that is missing or of another kind, with its path', () => {
    expect(() => keys.size('missing')).toThrow(failing('missing'))
    expect(() => keys.size('share')).toThrow(failing('share'))
    expect(() => keys.rate('n')).toThrow(failing('from 0 to below 1'))
    expect(() => keys.below('list')).toThrow(failing('an object'))
    expect(() => keys.below('below')?.size('m')).toThrow(failing('below.m'))
  })

  it('holds numbers to their ranges', () => {
    const of = (value: number) => new ConfigKeys({ value })
    expect([of(0.5).positive('value'), of(0).epsilon('value'), keys.epsilon('none', 1e-6)]).toEqual([0.5, 0, 1e-6])
    for (const value of [0, -5, Number.POSITIVE_INFINITY])
      expect(() => of(value).positive('value')).toThrow(failing('a number above 0'))
    expect([of(0).count('value'), keys.count('none', 2)]).toEqual([0, 2])
    for (const value of [-1, 1.5]) expect(() => of(value).count('value')).toThrow(failing('from 0 on'))
    for (const value of [-1e-6, Number.NaN]) expect(() => of(value).epsilon('value')).toThrow(failing('from 0 on'))
  })

  it('builds no more parts than a model has', () => {
    const of = (value: number) => new ConfigKeys({ value })
    expect([of(94).parts('value'), of(0).optionalParts('value'), keys.parts('none', 12)]).toEqual([94, 0, 12])
    for (const value of [0, -1, 1.5, 65_537, 1e9, Number.MAX_SAFE_INTEGER])
      expect(() => of(value).parts('value')).toThrow(failing('from 1 to 65536'))
    for (const value of [-1, 1e9]) expect(() => of(value).optionalParts('value')).toThrow(failing('from 0 to 65536'))
  })

  it('counts labels by their names, then by num_labels, and else as two', () => {
    const counts = [{ id2label: { 0: 'a', 1: 'b', 2: 'c' } }, { num_labels: 5 }, {}].map((config) =>
      labelCount(new ConfigKeys(config)),
    )
    expect(counts).toEqual([3, 5, 2])
  })
})
