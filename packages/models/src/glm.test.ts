import { namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GLM } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { glm } from './glm.js'

const build = (config: object) => tinyModel(glm, { ...TINY_GLM, ...config }, 'CAUSAL_LM')

describe('glm', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const logits = rounded((await forwardOf(build({}), rightPadded)).y)
    const first = near([-1.2901, 0.2265, 0.1847, 0.7331])
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-1.1484, -0.1647, -0.736, 1.2477])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([[7, 3, 3, 3, 3, 3, 7, 3], Array(8).fill(3)])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(glm, TINY_GLM, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([-0.1919, -0.1185, 0.7155, -0.5637, 0.3967, 0.8159]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.9051, 1.2396, 0.6551, -0.7637, 0.7807, 0.8697]))
  })

  it('has biases on queries, keys and values alone, unless the configuration says no', () => {
    const biases = (config: object) =>
      [...namedParameters(build(config)).keys()].flatMap((path) => /layers\.0\.(.*)\.bias$/.exec(path)?.[1] ?? [])
    expect(biases({})).toEqual(['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'])
    expect(biases({ attention_bias: false })).toEqual([])
  })

  it('has as many parameters as GLM-4-9B, by a configuration that leaves out what all have', () => {
    const config = {
      vocab_size: 151_552,
      hidden_size: 4096,
      intermediate_size: 13_696,
      num_hidden_layers: 40,
      num_attention_heads: 32,
    }
    expect(parameterCount(glm, config, 'CAUSAL_LM')).toBe(9_399_951_360)
  })

  it('refuses a share of a head that cannot turn, and scalings that it does not know', () => {
    expect(() => build({ partial_rotary_factor: 0.25 })).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => build({ rope_parameters: { rope_type: 'magic' } })).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'rope_parameters.rope_type' }),
      }),
    )
  })
})
