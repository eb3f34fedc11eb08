import { type ModelConfig, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_QWEN3_MOE } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { qwen3Moe } from './qwen3-moe.js'

describe('qwen3_moe', () => {
  const build = (config: ModelConfig = {}) => tinyModel(qwen3Moe, { ...TINY_QWEN3_MOE, ...config }, 'CAUSAL_LM')
  const logitsOf = async (config: ModelConfig = {}) => rounded((await forwardOf(build(config), rightPadded)).y)

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([1.2542, 0.3186, -0.8745, -0.6963])
    const logits = await logitsOf()
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-0.003, -0.0452, -0.9227, 0.189])])
    expect(rounded((await forwardOf(build(), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build(), rows, 8)).toEqual([Array(8).fill(6), Array(8).fill(6)])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(qwen3Moe, TINY_QWEN3_MOE, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([0.6113, -0.5805, -0.0237, 0.1653, 0.1688, 0.2143]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([1.5351, -1.0872, 0.023, -0.0347, 0.5528, 0.2682]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-1.4928, -1.1887, -1.9231, -0.4853]))
  })

  it('has mixtures in every layer of the step that is not named as dense', () => {
    const sparse = (config: ModelConfig) =>
      [...namedParameters(build({ num_hidden_layers: 4, ...config })).keys()].flatMap(
        (path) => /layers\.(\d)\.mlp\.experts\.down_proj$/.exec(path)?.[1] ?? [],
      )
    expect(sparse({})).toEqual(['0', '2', '3'])
    expect(sparse({ mlp_only_layers: null })).toEqual(['0', '1', '2', '3'])
    expect(sparse({ mlp_only_layers: [], decoder_sparse_step: 2 })).toEqual(['1', '3'])
    expect(sparse({ num_experts: 0 })).toEqual([])
  })

  it('divides the weights of experts by their sum only where the configuration says so', async () => {
    expect(await logitsOf({ norm_topk_prob: false })).toEqual(await logitsOf())
    expect(await logitsOf({ norm_topk_prob: true })).not.toEqual(await logitsOf())
  })

  it('reads the number of experts by either name', async () => {
    const { num_experts: num_local_experts, ...rest } = TINY_QWEN3_MOE
    const model = tinyModel(qwen3Moe, { ...rest, num_local_experts }, 'CAUSAL_LM')
    expect(namedParameters(model).get('model.layers.0.mlp.gate.weight')?.shape).toEqual([4, 8])
  })

  it('has 30,532,122,624 parameters as Qwen3-30B-A3B', () => {
    const config = { vocab_size: 151_936, hidden_size: 2048, intermediate_size: 6144, num_hidden_layers: 48 }
    const heads = { num_attention_heads: 32, num_key_value_heads: 4, head_dim: 128 }
    const experts = { num_experts: 128, num_experts_per_tok: 8, moe_intermediate_size: 768, norm_topk_prob: true }
    const all = { ...config, ...heads, ...experts, tie_word_embeddings: false }
    expect(parameterCount(qwen3Moe, all, 'CAUSAL_LM')).toBe(30_532_122_624)
  })
})
