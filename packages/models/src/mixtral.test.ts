import { type LanguageModel, type ModelConfig, namedParameters, printModule } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_MIXTRAL } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { mixtral } from './mixtral.js'

describe('mixtral', () => {
  const build = (config: ModelConfig = {}) => tinyModel(mixtral, { ...TINY_MIXTRAL, ...config }, 'CAUSAL_LM')

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([-0.831, -0.229, 0.5746, -0.3019])
    const logits = rounded((await forwardOf(build(), rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([0.9002, 0.4113, -0.8464, 0.36])])
    expect(rounded((await forwardOf(build(), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build(), rows, 8)).toEqual([Array(8).fill(4), [8, 5, 2, 2, 9, 9, 9, 9]])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(mixtral, TINY_MIXTRAL, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([1.338, -2.2663, 0.4134, -0.5611, 2.3788, -0.4804]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-1.197, 2.9988, -0.0875, -0.7611, 2.7628, -0.4265]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([0.8124, 1.0344, 1.102, 0.1262]))
  })

  it('names the experts of a layer as two parameters, and what files have in their place', () => {
    const parameters = namedParameters(build())
    const wide = parameters.get('model.layers.1.mlp.experts.gate_up_proj')
    expect(wide?.shape).toEqual([3, 24, 8])
    expect(wide?.stored.slice(0, 3)).toEqual([
      { name: 'model.layers.1.block_sparse_moe.experts.0.w1.weight', shape: [12, 8] },
      { name: 'model.layers.1.block_sparse_moe.experts.0.w3.weight', shape: [12, 8] },
      { name: 'model.layers.1.block_sparse_moe.experts.1.w1.weight', shape: [12, 8] },
    ])
    expect(parameters.get('model.layers.1.mlp.experts.down_proj')?.shape).toEqual([3, 8, 12])
    expect(parameters.get('model.layers.1.mlp.gate.weight')?.stored).toEqual([
      { name: 'model.layers.1.block_sparse_moe.gate.weight', shape: [3, 8] },
    ])
    expect(printModule(build())).toContain('(gate_up_proj): ExpertLinear { gate_up_proj f32[3, 24, 8] }')
  })

  it('has 46,702,792,704 parameters as Mixtral-8x7B', () => {
    const config = { vocab_size: 32_000, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32 }
    const heads = { num_attention_heads: 32, num_key_value_heads: 8 }
    const experts = { num_local_experts: 8, num_experts_per_tok: 2, tie_word_embeddings: false }
    expect(parameterCount(mixtral, { ...config, ...heads, ...experts }, 'CAUSAL_LM')).toBe(46_702_792_704)
  })

  it('balances its experts where the configuration says so', () => {
    const coefficient = (config: ModelConfig) => (build(config) as LanguageModel).routingCoefficient
    expect(coefficient({})).toBe(0)
    expect(coefficient({ output_router_logits: true })).toBe(0.001)
    expect(coefficient({ output_router_logits: true, router_aux_loss_coef: 0.02 })).toBe(0.02)
  })

  it('refuses experts that there are not, naming the key', () => {
    expect(() => build({ num_experts_per_tok: 4 })).toThrow(
      expect.objectContaining({
        code: 'model.config',
        details: expect.objectContaining({ num_experts_per_tok: 4, experts: 3 }),
      }),
    )
  })
})
