import { feed, hostTensor, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { ConfigKeys } from '../config/config-keys.js'
import { rotaryOf } from './rotary.js'

const keys = (parameters: object) => new ConfigKeys({ max_position_embeddings: 64, rope_parameters: parameters })

describe('rotaryOf', () => {
  it('spaces frequencies from 1 down by powers of theta', () => {
    expect(rotaryOf(new ConfigKeys({ rope_theta: 10_000 }), 8).frequencies).toEqual(
      [1, 0.1, 0.01, 0.001].map(Math.fround),
    )
  })

  it('stretches long waves only, as Llama 3 does', () => {
    const scaling = {
      rope_type: 'llama3',
      rope_theta: 10_000,
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 1024,
    }
    const plain = rotaryOf(keys({ rope_theta: 10_000 }), 8).frequencies
    const scaled = rotaryOf(keys(scaling), 8).frequencies
    // Waves of 6, 63, 628 and 6283 positions against bounds of 256 and 1024.
    const share = (1024 / ((2 * Math.PI) / 0.01) - 1) / 3
    expect(scaled.slice(0, 2)).toEqual(plain.slice(0, 2))
    expect(scaled[2]).toBeCloseTo(((1 - share) * 0.01) / 8 + share * 0.01, 7)
    expect(scaled[3]).toBeCloseTo(0.001 / 8, 9)
  })

  it('keeps angles of far positions as accurate as float32 allows', async () => {
    const far = 131_071
    const { cos } = rotaryOf(new ConfigKeys({ rope_theta: 500_000 }), 64).at(feed('positions', 'i32', [1, 1]))
    const executable = await reference().compile({ name: 'table', outputs: { cos } })
    const got = await executable.run({ feeds: { positions: hostTensor('i32', [1, 1], [far]) } })
    const want = rotaryOf(new ConfigKeys({ rope_theta: 500_000 }), 64).frequencies.map((f) =>
      Math.cos(Math.fround(f * far)),
    )
    expect(Array.from(got.cos?.data ?? [])).toEqual(want.map((x) => expect.closeTo(x, 6)))
  })

  it('makes one pair of tables for all layers', () => {
    const rotary = rotaryOf(new ConfigKeys({}), 8)
    const positions = feed('positions', 'i32', [1, 4])
    expect(rotary.at(positions)).toBe(rotary.at(positions))
  })

  it('refuses scalings that it does not know', () => {
    expect(() => rotaryOf(keys({ rope_type: 'longrope' }), 8)).toThrow(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })
})
