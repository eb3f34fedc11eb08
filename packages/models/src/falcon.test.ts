import { hostTensor, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { falcon } from './falcon.js'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_FALCON, TINY_FALCON_40B, TINY_FALCON_RW } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

const build = (config: object) => tinyModel(falcon, { ...TINY_FALCON, ...config }, 'CAUSAL_LM')

describe('falcon', () => {
  it.each([
    ['as that of 7 billion', TINY_FALCON, [0.2238, -0.9798, -1.9854, -0.3684], [1.5754, -0.4391, -0.4786, -0.3131]],
    ['as that of 40 billion', TINY_FALCON_40B, [-0.9057, 1.2334, -0.9789, -1.0199], [1.0909, 0.1597, -0.3327, -0.2752]],
    ['of RefinedWeb', TINY_FALCON_RW, [1.919, 1.298, 1.162, 0.8091], [2.6596, 1.4566, 0.9402, 0.9029]],
  ])("gives transformers' logits for seeded weights, padded on either side (%s)", async (_, config, first, second) => {
    const model = build(config)
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([near(first), near(second)])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 69)).toEqual(near(first))
  })

  it.each([
    ['as that of 7 billion', TINY_FALCON, Array(8).fill(10), [6, 11, 6, 11, 6, 11, 6, 11]],
    ['as that of 40 billion', TINY_FALCON_40B, [5, 6, 5, 5, 5, 6, 5, 5], Array(8).fill(5)],
    ['of RefinedWeb', TINY_FALCON_RW, [0, 8, 8, 8, 0, 8, 0, 8], Array(8).fill(0)],
  ])("generates transformers' tokens for rows of two lengths (%s)", async (_, config, first, second) => {
    expect(await continuationsOf(build(config), rows, 8)).toEqual([first, second])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(falcon, TINY_FALCON, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([-0.7007, 1.203, 0.491, 1.1951, -1.0325, 0.2491]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-2.0046, 0.7606, -2.3287, 0.2048, 0.9199, -0.4397]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-1.4068, -1.4831, -2.3427, -0.0665]))
  })

  it('has the norms of its kind of layer', () => {
    const norms = (config: object) =>
      [...namedParameters(build(config)).keys()].flatMap(
        (path) => /\.0\.((?:input|post|ln_).*)\.weight/.exec(path)?.[1] ?? [],
      )
    expect(norms({})).toEqual(['input_layernorm'])
    expect(norms(TINY_FALCON_40B)).toEqual(['ln_attn', 'ln_mlp'])
    expect(norms({ ...TINY_FALCON_40B, num_ln_in_parallel_attn: 1 })).toEqual(['input_layernorm'])
    expect(norms(TINY_FALCON_RW)).toEqual(['input_layernorm', 'post_attention_layernorm'])
  })

  it('drops what its halves add in a pass with a seed, and probabilities only where there are distances', async () => {
    const moves = async (config: object) => {
      const model = build(config)
      const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
      return rounded(y).join() !== rounded((await forwardOf(model, rightPadded)).y).join()
    }
    expect(await moves({ hidden_dropout: 0.5 })).toBe(true)
    expect(await moves({ attention_dropout: 0.5 })).toBe(false)
    expect(await moves({ ...TINY_FALCON_RW, attention_dropout: 0.5 })).toBe(true)
  })

  it('refuses what no kind of layer has, naming the key', () => {
    for (const [key, config] of [
      ['parallel_attn', { ...TINY_FALCON_40B, parallel_attn: false }],
      ['num_ln_in_parallel_attn', { num_ln_in_parallel_attn: 2 }],
      ['activation', { activation: 'magic' }],
    ] as const)
      expect(() => build(config)).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
      )
    expect(() => build({ ...TINY_FALCON_40B, num_kv_heads: 3 })).toThrow(
      expect.objectContaining({ code: 'model.config' }),
    )
  })
})
