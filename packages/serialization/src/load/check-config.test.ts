import { describe, expect, it } from 'vitest'
import { checkConfig, unusedWarnings } from './check-config.js'

const held = (layers: number) =>
  new Map<string, { readonly shape: readonly number[] }>([
    ['model.embed_tokens.weight', { shape: [600, 16] }],
    ['model.empty', { shape: [1e12, 0] }],
    ...Array.from({ length: layers }, (_, i) => [`model.layers.${i}.mlp.up_proj.weight`, { shape: [24, 16] }] as const),
  ])

describe('checkConfig', () => {
  it('says how many layers the weights hold when config.json says more', () => {
    for (const key of ['num_hidden_layers', 'n_layer'])
      for (const layers of [3, 1e9])
        expect(() => checkConfig({ [key]: layers }, held(2))).toThrow(
          expect.objectContaining({
            code: 'model.parameters',
            details: expect.objectContaining({ layers, held: 2 }) as object,
          }),
        )
  })

  it('refuses sizes beyond all dimensions of the weights', () => {
    for (const key of ['hidden_size', 'head_dim', 'vocab_size', 'num_attention_heads'])
      expect(() => checkConfig({ [key]: 1e9 }, held(2))).toThrow(
        expect.objectContaining({
          code: 'model.parameters',
          details: { key, value: 1e9, largestDimension: 600 },
        }),
      )
  })

  it('takes what the weights can hold, and leaves the rest to the building', () => {
    checkConfig({ num_hidden_layers: 2, hidden_size: 16, vocab_size: 600, max_position_embeddings: 1e9 }, held(2))
    checkConfig({ num_hidden_layers: 1 }, held(2))
    checkConfig({ num_hidden_layers: 5 }, new Map([['weight', { shape: [5] }]]))
    checkConfig({ num_hidden_layers: 'many', hidden_size: null }, held(2))
  })
})

describe('unusedWarnings', () => {
  it('counts tensors and names the first ones, silent about tables and heads of other tasks', () => {
    const heads = ['lm_head.weight', 'lm_head.layer_norm.bias', 'cls.bias']
    expect(unusedWarnings(['model.layers.0.self_attn.rotary_emb.inv_freq', ...heads])).toEqual([])
    const names = Array.from({ length: 9 }, (_, i) => `model.layers.2.part${i}.weight`)
    expect(unusedWarnings(names)).toEqual([
      `the weights hold 9 tensors that the model of config.json has no use for: ${names.slice(0, 5).join(', ')}, ...`,
    ])
  })
})
