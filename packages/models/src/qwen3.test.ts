import { type ModelConfig, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_QWEN3 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { qwen3 } from './qwen3.js'

describe('qwen3', () => {
  const model = tinyModel(qwen3, TINY_QWEN3, 'CAUSAL_LM')

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([0.0476, 0.7869, -0.4917, -0.2456])
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-0.6901, -0.0051, -1.1013, 0.8024])])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(model, rows, 8)).toEqual([[4, 12, 4, 12, 0, 6, 11, 6], Array(8).fill(6)])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(qwen3, TINY_QWEN3, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([2.2879, -2.2894, 0.1158, 0.826, 0.8083, 0.0435]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([1.7148, -1.9485, 0.3503, 0.626, 1.1923, 0.0974]))
  })

  it('has a norm for all heads of queries and one for those of keys, and heads of 128 where the configuration does not say', () => {
    const { head_dim: _, ...without } = TINY_QWEN3
    const shape = (config: ModelConfig, name: string) =>
      namedParameters(tinyModel(qwen3, config, 'CAUSAL_LM')).get(`model.layers.1.self_attn.${name}`)?.shape
    expect([shape(TINY_QWEN3, 'q_norm.weight'), shape(TINY_QWEN3, 'k_norm.weight')]).toEqual([[6], [6]])
    expect(shape(without, 'q_proj.weight')).toEqual([256, 8])
    expect([shape(TINY_QWEN3, 'q_proj.bias'), shape({ ...TINY_QWEN3, attention_bias: true }, 'q_proj.bias')]).toEqual([
      undefined,
      [12],
    ])
  })
})
