import { feed, hostTensor, type ModelConfig, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { ConfigKeys } from '../config/config-keys.js'
import { Rotary, type RotaryOptions, rotaryOf } from './rotary.js'

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

  it('turns pairs side by side, and leaves what lies behind the share that turns', async () => {
    const rotary = rotaryOf(new ConfigKeys({ rope_theta: 100 }), 8, { share: 0.5, interleaved: true })
    const y = rotary.turn(feed('x', 'f32', [1, 1, 1, 8]), feed('positions', 'i32', [1, 1]))
    const executable = await reference().compile({ name: 'turn', outputs: { y } })
    const x = [1, 2, 3, 4, 5, 6, 7, 8]
    const feeds = { x: hostTensor('f32', [1, 1, 1, 8], x), positions: hostTensor('i32', [1, 1], [3]) }
    const turned = [3, 0.3].flatMap((angle, i) => {
      const [a, b] = [x[2 * i] as number, x[2 * i + 1] as number]
      return [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)]
    })
    const got = Array.from((await executable.run({ feeds })).y?.data ?? [])
    expect(got).toEqual([...turned.map((value) => expect.closeTo(value, 5)), 5, 6, 7, 8])
  })

  it('reads the share that turns from either place of the configuration, where a family has one', () => {
    const turning = (config: ModelConfig, options: RotaryOptions) =>
      2 * rotaryOf(new ConfigKeys(config), 8, options).frequencies.length
    expect(turning({}, { share: 0.5 })).toBe(4)
    expect(turning({ partial_rotary_factor: 0.25 }, { share: 0.5 })).toBe(2)
    expect(
      turning({ rope_parameters: { partial_rotary_factor: 0.25 }, partial_rotary_factor: 1 }, { share: 0.5 }),
    ).toBe(2)
    expect(turning({ partial_rotary_factor: 0.25 }, {})).toBe(8)
    for (const partial_rotary_factor of [0.2, 0.4, 1.5])
      expect(() => turning({ partial_rotary_factor }, { share: 0.5 })).toThrow(
        expect.objectContaining({ code: 'model.config' }),
      )
  })

  it('turns by tables that carry the factor of the scaling', async () => {
    const rotary = new Rotary({ frequencies: [1], scale: 2, maxPositions: 8 })
    const { cos } = rotary.at(feed('positions', 'i32', [1, 2]))
    const executable = await reference().compile({ name: 'table', outputs: { cos } })
    const got = await executable.run({ feeds: { positions: hostTensor('i32', [1, 2], [0, 1]) } })
    expect(Array.from(got.cos?.data ?? [])).toEqual([2, expect.closeTo(2 * Math.cos(1), 6)])
  })

  it('reads the older key of scalings before the newer one, as transformers does', () => {
    const both = { rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_type: 'linear', factor: 4 } }
    expect(rotaryOf(new ConfigKeys(both), 2).frequencies).toEqual([0.5])
  })

  it('refuses scalings that it does not know', () => {
    expect(() => rotaryOf(keys({ rope_type: 'magic' }), 8)).toThrow(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })
})
