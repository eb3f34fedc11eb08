import { hostTensor, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GPTJ } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gptj } from './gptj.js'

const build = (config: object) => tinyModel(gptj, { ...TINY_GPTJ, ...config }, 'CAUSAL_LM')

describe('gptj', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const model = build({})
    const first = near([-2.4818, -0.5183, -0.7622, -0.7028, -0.589])
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([
      first,
      near([-2.3355, 0.8332, -0.3124, -1.7551, 0.4519]),
    ])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 70)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([
      [11, 10, 10, 10, 10, 10, 10, 10],
      [10, 11, 11, 11, 11, 11, 11, 11],
    ])
  })

  it('classifies rows and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(gptj, TINY_GPTJ, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([0.2304, 1.8817, -0.9036, 1.3429, 1.0489, -2.471]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-2.3745, 0.9983, -1.9404, 1.6783]))
  })

  it('has one norm a layer, biases in its wide half and its head alone, and no tie', () => {
    const paths = [...namedParameters(build({})).keys()]
    expect(paths.filter((path) => path.includes('.0.') && /bias|ln/.test(path))).toEqual([
      'transformer.h.0.ln_1.weight',
      'transformer.h.0.ln_1.bias',
      'transformer.h.0.mlp.fc_in.bias',
      'transformer.h.0.mlp.fc_out.bias',
    ])
    expect(paths.slice(-2)).toEqual(['lm_head.weight', 'lm_head.bias'])
    expect([...namedParameters(build({ tie_word_embeddings: true })).keys()].slice(-1)).toEqual(['lm_head.bias'])
  })

  it('adds token types, and reads sizes under their other names', async () => {
    const model = build({})
    const token_type_ids = idsOf([
      [0, 1, 0, 1, 0, 0],
      [1, 0, 0, 1, 1, 0],
    ])
    expect(rounded((await forwardOf(model, { ...rightPadded, token_type_ids })).y)).not.toEqual(
      rounded((await forwardOf(model, rightPadded)).y),
    )
    const { n_embd, n_layer, n_head, n_positions, ...rest } = TINY_GPTJ
    const other = {
      ...rest,
      hidden_size: n_embd,
      num_hidden_layers: n_layer,
      num_attention_heads: n_head,
      max_position_embeddings: n_positions,
    }
    expect(tinyModel(gptj, other, 'CAUSAL_LM').sizes).toEqual(model.sizes)
  })

  it.each(['embd_pdrop', 'attn_pdrop', 'resid_pdrop'])('drops in a pass with a seed, by %s', async (key) => {
    const model = build({ [key]: 0.5 })
    const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
    expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
  })

  it('refuses what cannot turn, naming the key', () => {
    const key = 'rotary_dim'
    expect(() => build({ [key]: null })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
    )
    for (const config of [{ rotary_dim: 3 }, { rotary_dim: 10 }, { n_head: 3 }])
      expect(() => build(config)).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
