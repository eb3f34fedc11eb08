import { describe, expect, it } from 'vitest'
import { ConfigKeys } from '../config/config-keys.js'
import { rotaryOf } from './rotary.js'

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

  it('ends the positions of LongRoPE where the model was trained to, wherever config.json says so', () => {
    expect(rotary(long).maxPositions).toBe(64)
    const { original_max_position_embeddings, ...without } = long
    const above = new ConfigKeys({ ...sizes, original_max_position_embeddings, rope_scaling: without })
    expect(rotaryOf(above, 8)).toMatchObject({ maxPositions: 64, scale: rotary(long).scale })
    expect(rotary({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 }).maxPositions).toBe(256)
  })

  it('reads the names that a family gives to scalings', () => {
    const keys = new ConfigKeys({ ...sizes, rope_scaling: { ...long, rope_type: 'su' } })
    expect(rotaryOf(keys, 8, { scalings: { su: 'longrope' } }).frequencies).toEqual(rotary(long).frequencies)
    expect(() => rotaryOf(keys, 8)).toThrow(expect.objectContaining({ code: 'model.unsupported' }))
  })

  it('refuses a list of factors for other pairs', () => {
    expect(() => rotary({ ...long, short_factor: [1, 2] })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
