import { namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GEMMA3 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gemma3Text } from './gemma3-text.js'

const build = (config: object) => tinyModel(gemma3Text, { ...TINY_GEMMA3, ...config }, 'CAUSAL_LM')
const logitsOf = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)

// Other positions for each kind of layer, stretched where all is seen; a cap of logits, and one of scores that transformers does not read.
const OLDER = {
  rope_theta: 500,
  rope_local_base_freq: 20,
  rope_scaling: { rope_type: 'linear', factor: 4 },
  final_logit_softcapping: 2,
  attn_logit_softcapping: 0.5,
}
const NEWER = {
  layer_types: ['sliding_attention', 'full_attention'],
  rope_parameters: {
    full_attention: { rope_type: 'linear', factor: 4, rope_theta: 500 },
    sliding_attention: { rope_type: 'default', rope_theta: 20 },
  },
  final_logit_softcapping: 2,
}

describe('gemma3Text', () => {
  it.each([
    ['as all are', {}, [-0.1905, 0.5525, -0.6361, -0.1041], [-0.4367, -0.0365, -0.1752, 0.451]],
    ['with older keys', OLDER, [-0.69, 0.148, 1.2444, -0.2438], [-0.4822, 0.0192, -0.1964, 0.3739]],
  ])("gives transformers' logits for seeded weights, padded on either side (%s)", async (_, config, first, second) => {
    const logits = await logitsOf(config)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([near(first), near(second)])
    expect(rounded((await forwardOf(build(config), leftPadded)).y).slice(65, 69)).toEqual(near(first))
  })

  it.each([
    ['as all are', {}, [10, 6, 6, 6, 6, 6, 6, 6]],
    ['with older keys', OLDER, [9, 0, 6, 6, 6, 6, 6, 6]],
  ])("generates transformers' tokens for rows of two lengths (%s)", async (_, config, first) => {
    expect(await continuationsOf(build(config), rows, 8)).toEqual([first, Array(8).fill(6)])
  })

  it('reads positions by kind of layer from either layout of the configuration', async () => {
    expect(await logitsOf(NEWER)).toEqual(await logitsOf(OLDER))
  })

  it('classifies rows', async () => {
    const model = tinyModel(gemma3Text, TINY_GEMMA3, 'SEQ_CLS')
    expect(model.className).toBe('Gemma3TextForSequenceClassification')
    expect(rounded((await forwardOf(model, rightPadded)).y)).toEqual(
      near([1.7428, -2.8619, 0.2863, -0.0645, 0.1588, 0.3019]),
    )
  })

  it('lets every sixth layer see all before it where the configuration does not say', () => {
    const { sliding_window_pattern: _, ...config } = { ...TINY_GEMMA3, num_hidden_layers: 7 }
    const windows = namedModules(tinyModel(gemma3Text, config, 'CAUSAL_LM')).flatMap(({ path, module }) =>
      path.endsWith('self_attn') ? [(module as { readonly settings?: { window: unknown } }).settings?.window] : [],
    )
    expect(windows).toEqual([3, 3, 3, 3, 3, null, 3])
  })

  it("has as many parameters as Google's of a billion, by a configuration that leaves out what all have", () => {
    const config = {
      vocab_size: 262_144,
      hidden_size: 1152,
      intermediate_size: 6912,
      num_hidden_layers: 26,
      num_attention_heads: 4,
      num_key_value_heads: 1,
    }
    expect(parameterCount(gemma3Text, config, 'CAUSAL_LM')).toBe(999_885_952)
  })

  it('refuses by its key what it does not build', () => {
    for (const [key, config] of [
      ['use_bidirectional_attention', { use_bidirectional_attention: true }],
      ['layer_types', { layer_types: ['full_attention', 'chunked_attention'] }],
      ['rope_scaling.rope_type', { rope_scaling: { rope_type: 'magic' } }],
    ] as const)
      expect(() => build(config)).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
      )
  })
})
