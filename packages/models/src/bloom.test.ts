import { namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { bloom } from './bloom.js'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_BLOOM } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

describe('bloom', () => {
  const model = tinyModel(bloom, TINY_BLOOM, 'CAUSAL_LM')

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([1.1932, 1.331, 1.1635, -0.0457, 0.846])
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([
      first,
      near([1.3249, 1.3222, 0.3757, 0.0642, 1.0826]),
    ])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 70)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(model, rows, 8)).toEqual([
      [6, 0, 0, 0, 0, 0, 4, 4],
      [0, 4, 4, 4, 4, 4, 4, 4],
    ])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(bloom, TINY_BLOOM, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([-0.6603, 0.1654, 0.7749, -1.5616, 0.459, 0.6078]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.5965, -0.1013, -0.5288, -1.4081, 1.2494, -0.3651]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-1.7874, -0.852, -0.9076, -0.9938]))
  })

  it('reads sizes under their other names', () => {
    const { n_layer, n_head, hidden_size, ...rest } = TINY_BLOOM
    const other = { ...rest, num_hidden_layers: n_layer, num_attention_heads: n_head, n_embed: hidden_size }
    expect(tinyModel(bloom, other, 'CAUSAL_LM').sizes).toEqual(model.sizes)
  })

  it('ties its head, and has a norm over its tokens', () => {
    const paths = [...namedParameters(model).keys()]
    expect(paths).toContain('transformer.word_embeddings_layernorm.weight')
    expect(paths).not.toContain('lm_head.weight')
  })

  it('refuses residuals behind the norm, and heads that do not divide the hidden size', () => {
    const key = 'apply_residual_connection_post_layernorm'
    expect(() => tinyModel(bloom, { ...TINY_BLOOM, [key]: true }, 'CAUSAL_LM')).toThrow(
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
    )
    expect(() => tinyModel(bloom, { ...TINY_BLOOM, n_head: 5 }, 'CAUSAL_LM')).toThrow(
      expect.objectContaining({ code: 'model.config' }),
    )
  })
})
