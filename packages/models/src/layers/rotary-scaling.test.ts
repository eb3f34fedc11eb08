import { feed, hostTensor, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { ConfigKeys } from '../config/config-keys.js'
import { rotaryOf } from './rotary.js'

// Of the texts below, by transformers 5.18.
const LONG = [0.5, 0.03333333507180214, 0.0024999999441206455, 0.00019999999494757503]
const DYNAMIC_300 = [1, 0.08399473875761032, 0.007055115886032581, 0.0005925925797782838]
const DYNAMIC_1000 = [1, 0.04294601455330849, 0.0018443602602928877, 7.920792268123478e-5]
const PROPORTIONAL = [0.5, 0.05000000074505806, 0, 0]
const sizes = { max_position_embeddings: 256 }
const rotary = (parameters: object, size = 8) =>
  rotaryOf(new ConfigKeys({ ...sizes, rope_parameters: { rope_theta: 10_000, ...parameters } }), size)

describe('scaledFrequencies', () => {
  const long = {
    rope_type: 'longrope',
    short_factor: [1, 1.25, 1.5, 2.5],
    long_factor: [2, 3, 4, 5],
    original_max_position_embeddings: 64,
  }
  // transformers 5.18's frequencies and factors.
  it.each([
    [
      'yarn',
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 },
      [1, 0.0625, 0.0024999999441206455, 0.0002500000118743628],
      1.138629436111989,
    ],
    [
      'yarn with a factor of its own',
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64, attention_factor: 1.5, rope_theta: 500 },
      [1, 0.1321713924407959, 0.011180340312421322, 0.0023643539752811193],
      1.5,
    ],
    [
      'llama3',
      {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
      [1, 0.013042256236076355, 0.0012499999720603228, 0.0001250000059371814],
      1,
    ],
    ['dynamic', { rope_type: 'dynamic', factor: 4 }, [1, 0.1, 0.01, 0.001].map(Math.fround), 1],
    ['longrope', long, [1, 0.07999999821186066, 0.006666666828095913, 0.00039999998989515007], 1.1547005383792517],
  ])("gives transformers' frequencies and factor of %s", (_, parameters, frequencies, scale) => {
    const found = rotary(parameters)
    expect(found.frequencies).toEqual(frequencies.map((x) => expect.closeTo(x, 9)))
    expect(found.scale).toBeCloseTo(scale, 12)
  })

  it('blends between the bounds of YaRN, rounded to whole pairs or not', () => {
    const parameters = {
      rope_type: 'yarn',
      factor: 8,
      original_max_position_embeddings: 512,
      beta_fast: 16,
      beta_slow: 2,
      truncate: false,
      mscale: 0.7,
      mscale_all_dim: 0.3,
    }
    const { frequencies, scale } = rotary(parameters, 32)
    expect([3, 4, 5, 6].map((pair) => frequencies[pair])).toEqual(
      [0.1704140305519104, 0.07160846143960953, 0.026647143065929413, 0.007324998266994953].map((x) =>
        expect.closeTo(x, 8),
      ),
    )
    expect(scale).toBeCloseTo(1.0782934613857693, 12)
  })

  // transformers 5.18's frequencies of a text of so many tokens.
  it.each([
    ['longrope', long, 64, [1, 0.07999999821186066, 0.006666666828095913, 0.00039999998989515007]],
    ['longrope', long, 65, LONG],
    ['dynamic', { rope_type: 'dynamic', factor: 4 }, 256, [1, 0.1, 0.01, 0.001]],
    ['dynamic', { rope_type: 'dynamic', factor: 4 }, 300, DYNAMIC_300],
    ['dynamic', { rope_type: 'dynamic', factor: 4 }, 1000, DYNAMIC_1000],
  ])('takes frequencies of %s by how far a pass reaches, without its padding', async (_, parameters, count, want) => {
    const [positions, keep] = [feed('positions', 'i32', [2, 2]), feed('keep', 'bool', [2, 2])]
    const made = rotary(parameters)
    const executable = await reference().compile({ name: 'table', outputs: { sin: made.at(positions, keep).sin } })
    const feeds = {
      positions: hostTensor('i32', [2, 2], [count - 1, 5000, 0, 1]),
      keep: hostTensor('bool', [2, 2], [1, 0, 1, 1]),
    }
    const { sin } = await executable.run({ feeds })
    expect(Array.from(sin?.data.slice(12) ?? [], (x) => Math.asin(Number(x) / made.scale))).toEqual(
      want.map((x) => expect.closeTo(x, 6)),
    )
  })

  it('reaches as many positions as a scaling stretches them to', () => {
    const above = (key: string) => ({ ...long, original_max_position_embeddings: undefined, rope_type: key })
    expect(rotary(long)).toMatchObject({ maxPositions: 256, far: { from: 64 } })
    const keys = new ConfigKeys({ ...sizes, original_max_position_embeddings: 64, rope_scaling: above('longrope') })
    expect(rotaryOf(keys, 8)).toMatchObject({ far: { from: 64 }, scale: rotary(long).scale })
    expect(rotary({ rope_type: 'dynamic', factor: 2.5 })).toMatchObject({ maxPositions: 640, far: { from: 256 } })
    const yarn = rotary({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 })
    expect([yarn.maxPositions, yarn.far]).toEqual([256, undefined])
  })

  it('turns a share of the pairs at the frequencies of the whole head, where no family has a share of its own', () => {
    const parameters = { rope_type: 'proportional', factor: 2, partial_rotary_factor: 0.5 }
    expect(rotary(parameters).frequencies).toEqual(PROPORTIONAL.map((x) => expect.closeTo(x, 9)))
    const keys = new ConfigKeys({ ...sizes, rope_parameters: parameters })
    expect(() => rotaryOf(keys, 8, { share: 0.5 })).toThrow(expect.objectContaining({ code: 'model.unsupported' }))
  })

  it('reads the names that a family gives to scalings', () => {
    const keys = new ConfigKeys({ ...sizes, rope_scaling: { ...long, rope_type: 'su' } })
    expect(rotaryOf(keys, 8, { scalings: { su: 'longrope' } }).frequencies).toEqual(rotary(long).frequencies)
    expect(() => rotaryOf(keys, 8)).toThrow(expect.objectContaining({ code: 'model.unsupported' }))
  })

  it('refuses a list of factors for other pairs', () => {
    expect(() => rotary({ ...long, long_factor: [1] })).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => rotary({ ...long, short_factor: [1, 2] })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
