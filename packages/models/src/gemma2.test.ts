import { causalLoss, feed, namedModules, printGraph } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GEMMA2 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gemma2 } from './gemma2.js'

const build = (config: object) => tinyModel(gemma2, { ...TINY_GEMMA2, ...config }, 'CAUSAL_LM')
const logitsOf = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)

describe('gemma2', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const logits = await logitsOf({})
    const first = near([-0.7081, -0.1676, -0.0564, 0.3495])
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([0.0629, 0.244, -0.3523, 0.2421])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(6), Array(8).fill(6)])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(gemma2, TINY_GEMMA2, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([-0.3117, -0.7169, 0.3124, 0.2053, -0.1367, 0.1181]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([1.3097, -1.7656, 0.2299, 0.0053, 0.2472, 0.172]))
  })

  it('has a window in every other layer from the first on, unless the configuration names the layers', async () => {
    const [full, sliding] = ['full_attention', 'sliding_attention']
    expect(await logitsOf({})).toEqual(await logitsOf({ layer_types: [sliding, full] }))
    expect(await logitsOf({})).not.toEqual(await logitsOf({ layer_types: [full, sliding] }))
    expect(await logitsOf({ sliding_window: 6 })).toEqual(await logitsOf({ layer_types: [full, full] }))
  })

  it('caps neither scores nor logits where the configuration has null', async () => {
    const capped = await logitsOf({})
    expect(await logitsOf({ attn_logit_softcapping: null })).not.toEqual(capped)
    const uncapped = (await logitsOf({ final_logit_softcapping: null })).map((x) =>
      expect.closeTo(2 * Math.tanh(x / 2), 3),
    )
    expect(capped).toEqual(uncapped)
  })

  it('caps the logits of a loss block by block, so that they are never whole', () => {
    const count = 300
    const loss = causalLoss(build({}), {
      input_ids: feed('input_ids', 'i32', [10, 32]),
      counted_indices: feed('counted_indices', 'i32', [count]),
      counted_targets: feed('counted_targets', 'i32', [count]),
      counted_weights: feed('counted_weights', 'f32', [count]),
    })
    const graph = printGraph([loss])
    expect(graph).toMatch(/crossEntropy.*"softCap":2/)
    expect(graph).not.toContain(`[${count},${TINY_GEMMA2.vocab_size}]`)
  })

  it("has a layer's modules under transformers' names and in its order", () => {
    const names = namedModules(build({})).flatMap(({ path }) => /layers\.0\.(\w+)$/.exec(path)?.[1] ?? [])
    const norms = ['input', 'post_attention', 'pre_feedforward', 'post_feedforward'].map((name) => `${name}_layernorm`)
    expect(names).toEqual(['self_attn', 'mlp', ...norms])
  })

  it("has as many parameters as Google's of 2 billion, by a configuration that leaves out what all have", () => {
    const config = {
      vocab_size: 256_000,
      hidden_size: 2304,
      intermediate_size: 9216,
      num_hidden_layers: 26,
      num_attention_heads: 8,
    }
    expect(parameterCount(gemma2, config, 'CAUSAL_LM')).toBe(2_614_341_888)
  })

  it('refuses by its key what it does not build', () => {
    for (const [key, config] of [
      ['use_bidirectional_attention', { use_bidirectional_attention: true }],
      ['layer_types', { layer_types: ['full_attention', 'chunked_attention'] }],
      ['hidden_activation', { hidden_activation: 'magic' }],
    ] as const)
      expect(() => build(config)).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
      )
  })
})
