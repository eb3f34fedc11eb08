import { namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GLM4 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { glm4 } from './glm4.js'

const build = (config: object) => tinyModel(glm4, { ...TINY_GLM4, ...config }, 'CAUSAL_LM')

describe('glm4', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const logits = rounded((await forwardOf(build({}), rightPadded)).y)
    const first = near([-1.5252, 0.4773, -0.4864, 0.8998])
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-1.448, 0.1474, -0.356, 1.1109])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([[7, 7, 3, 3, 3, 7, 3, 7], Array(8).fill(3)])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(glm4, TINY_GLM4, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([-0.5052, -0.6742, 0.99, -0.6997, 0.1807, 0.8705]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-1.193, 0.9825, 0.7669, -0.8997, 0.5647, 0.9244]))
  })

  it("has a layer's modules under transformers' names and in its order", () => {
    const names = namedModules(build({})).flatMap(({ path }) => /layers\.0\.(\w+)$/.exec(path)?.[1] ?? [])
    const norms = ['input', 'post_attention', 'post_self_attn', 'post_mlp'].map((name) => `${name}_layernorm`)
    expect(names).toEqual(['self_attn', 'mlp', ...norms])
  })

  it('has as many parameters as GLM-4-9B-0414, by a configuration that leaves out what all have', () => {
    const config = {
      vocab_size: 151_552,
      hidden_size: 4096,
      intermediate_size: 13_696,
      num_hidden_layers: 40,
      num_attention_heads: 32,
    }
    expect(parameterCount(glm4, config, 'CAUSAL_LM')).toBe(9_400_279_040)
  })

  it('refuses activations that it does not know, naming the key', () => {
    expect(() => build({ hidden_act: 'magic' })).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'hidden_act' }),
      }),
    )
  })
})
