import { hostTensor, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_STABLELM, TINY_STABLELM_12B } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { stablelm } from './stablelm.js'

describe('stablelm', () => {
  const build = (config: object) => tinyModel(stablelm, { ...TINY_STABLELM, ...config }, 'CAUSAL_LM')

  it.each([
    ['as the first ones', TINY_STABLELM, [-0.16, 0.3778, 1.1176, -0.7525], [0.8238, 0.3028, 0.5239, 0.2631]],
    ['as that of 12 billion', TINY_STABLELM_12B, [0.3479, 0.062, 0.621, -0.6662], [0.9092, 0.0502, -0.722, 0.3099]],
  ])("gives transformers' logits for seeded weights, padded on either side (%s)", async (_, config, first, second) => {
    const logits = rounded((await forwardOf(build(config), rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([near(first), near(second)])
    expect(rounded((await forwardOf(build(config), leftPadded)).y).slice(65, 69)).toEqual(near(first))
  })

  it.each([
    ['as the first ones', TINY_STABLELM, Array(8).fill(9), [11, 4, 4, 4, 4, 4, 4, 4]],
    ['as that of 12 billion', TINY_STABLELM_12B, [4, 4, 4, 6, 6, 6, 0, 6], [0, 6, 0, 6, 0, 0, 4, 12]],
  ])("generates transformers' tokens for rows of two lengths (%s)", async (_, config, first, second) => {
    expect(await continuationsOf(build(config), rows, 8)).toEqual([first, second])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(stablelm, TINY_STABLELM, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([0.2324, -2.1802, 0.4373, -0.2554, 1.0171, -0.3077]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([0.831, -1.2226, 0.287, -0.4554, 1.4011, -0.2538]))
  })

  it('names the norms of its heads as the file does, and has no second norm where both halves read the first', () => {
    const norms = (config: object) =>
      [...namedParameters(build(config)).keys()].flatMap((path) => /\.0\.(.*norm.*)/.exec(path)?.[1] ?? [])
    expect(norms({})).toEqual(
      ['input_layernorm', 'post_attention_layernorm'].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
    )
    expect(norms(TINY_STABLELM_12B)).toEqual([
      'input_layernorm.weight',
      'input_layernorm.bias',
      'self_attn.q_layernorm.norms.0.weight',
      'self_attn.q_layernorm.norms.1.weight',
      'self_attn.k_layernorm.norms.0.weight',
    ])
  })

  it('drops what its wide half gives in a pass with a seed', async () => {
    const model = build({ hidden_dropout: 0.5 })
    const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
    expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
  })

  it('refuses heads that do not make up the hidden size', () => {
    expect(() => build({ head_dim: 6 })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
