import { hostTensor, isAdaptable, moduleAt, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_OPENAI_GPT } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { openaiGpt } from './openai-gpt.js'

const build = (config: object) => tinyModel(openaiGpt, { ...TINY_OPENAI_GPT, ...config }, 'CAUSAL_LM')

describe('openai-gpt', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const model = build({})
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([
      near([-0.4201, -0.5638, -0.4585, -0.2246, 0.7074]),
      near([-0.1354, -0.5582, -0.8087, -0.2504, 0.5901]),
    ])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 70)).toEqual(
      near([-0.0373, -0.5821, -0.5552, -0.3815, 0.8696]),
    )
  })

  it("generates transformers' tokens, which it makes without a cache, for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([
      [12, 3, 8, 12, 12, 12, 3, 3],
      [12, 12, 12, 12, 3, 3, 3, 3],
    ])
  })

  it("classifies rows, and gives the last layer's states as they are", async () => {
    const labels = await forwardOf(tinyModel(openaiGpt, TINY_OPENAI_GPT, 'SEQ_CLS'), rightPadded)
    expect(rounded(labels.y)).toEqual(near([-2.1534, 0.683, 0.2372, -1.3493, 0.1743, 0.1483]))
    const states = await forwardOf(tinyModel(openaiGpt, TINY_OPENAI_GPT, 'FEATURE_EXTRACTION'), rightPadded)
    expect(rounded(states.y).slice(-6)).toEqual(near([1.4068, -0.505, -0.038, -1.4324, 0.8637, 0.8705]))
  })

  it('stores weights (in, out), has no last norm, and ties its head', () => {
    const model = build({})
    const layer = moduleAt(model, 'transformer.h.1.mlp.c_fc')
    expect(isAdaptable(layer) && [layer.kind, ...layer.weight.shape]).toEqual(['conv1d', 8, 32])
    const paths = [...namedParameters(model).keys()]
    expect(paths.slice(-1)).toEqual(['transformer.h.1.ln_2.bias'])
  })

  it('adds token types, and drops in a pass with a seed', async () => {
    const model = build({})
    const plain = rounded((await forwardOf(model, rightPadded)).y)
    const token_type_ids = idsOf([
      [0, 1, 0, 1, 0, 0],
      [1, 0, 0, 1, 1, 0],
    ])
    expect(rounded((await forwardOf(model, { ...rightPadded, token_type_ids })).y)).not.toEqual(plain)
    expect(rounded((await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })).y)).not.toEqual(plain)
  })

  it("reads its own name of the activation, and sizes under their other names; its gelu is GPT-2's", async () => {
    const { n_embd, n_layer, n_head, n_positions, ...rest } = TINY_OPENAI_GPT
    const other = {
      ...rest,
      hidden_size: n_embd,
      num_hidden_layers: n_layer,
      num_attention_heads: n_head,
      max_position_embeddings: n_positions,
    }
    expect(tinyModel(openaiGpt, other, 'CAUSAL_LM').sizes).toEqual(build({}).sizes)
    const logits = async (afn: string) => rounded((await forwardOf(build({ afn }), rightPadded)).y)
    expect(await logits('gelu')).toEqual(await logits('gelu_new'))
    expect(await logits('relu')).not.toEqual(await logits('gelu'))
    expect(() => build({ afn: 'magic' })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key: 'afn' }) }),
    )
  })
})
