import { hostTensor, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GPT_NEOX } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gptNeox } from './gpt-neox.js'

const build = (config: object) => tinyModel(gptNeox, { ...TINY_GPT_NEOX, ...config }, 'CAUSAL_LM')
const logitsOf = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)

describe('gpt_neox', () => {
  it.each([
    ['halves side by side', {}, [0.4918, -1.7679, -0.0213, -0.2575, 0.6117], [0.3142, -1.0231, 0.3558, 0.1493, 0.241]],
    [
      'one half after the other, attention without biases',
      { use_parallel_residual: false, attention_bias: false },
      [1.4951, -3.1444, 0.8735, 0.6627, -0.2733],
      [1.283, -1.2709, 0.7668, 0.7271, 0.7465],
    ],
  ])("gives transformers' logits for seeded weights, padded on either side (%s)", async (_, config, first, second) => {
    const logits = await logitsOf(config)
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([near(first), near(second)])
    const left = rounded((await forwardOf(build(config), leftPadded)).y)
    expect(left.slice(65, 70)).toEqual(near(first))
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(9), [9, 9, 9, 5, 5, 9, 9, 9]])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(gptNeox, TINY_GPT_NEOX, task), rightPadded)).y)
    expect((await of('SEQ_CLS')).slice(0, 5)).toEqual(near([0.6872, 0.1889, 0.2446, 0.9953, 1.0264]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.1689, -0.8563, 0.6283, -1.8871, -0.4994, 0.0456]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-0.6151, -0.5502, 1.0743, 0.4441]))
  })

  it('turns the share that its own keys or rope_parameters name, a quarter where neither does', async () => {
    const { rotary_pct: _, ...rest } = TINY_GPT_NEOX
    const logits = async (config: object) =>
      rounded((await forwardOf(tinyModel(gptNeox, { ...rest, ...config }, 'CAUSAL_LM'), rightPadded)).y)
    const at = (share: number, base = 10_000) =>
      logits({ rope_parameters: { rope_type: 'default', rope_theta: base, partial_rotary_factor: share } })
    expect(await logits({ rotary_pct: 0.5, rotary_emb_base: 500 })).toEqual(await at(0.5, 500))
    expect(await logits({ partial_rotary_factor: 0.5, rope_theta: 500 })).toEqual(await at(0.25))
    expect(await at(0.25)).not.toEqual(await at(0.5))
  })

  it("reads the head under its files' name for it", () => {
    expect(gptNeox.renameParameter?.('embed_out.weight')).toBe('lm_head.weight')
    expect(namedParameters(build({})).has('lm_head.weight')).toBe(true)
    expect(namedParameters(build({ tie_word_embeddings: true })).has('lm_head.weight')).toBe(false)
  })

  it.each(['hidden_dropout', 'attention_dropout'])('drops in a pass with a seed, by %s', async (key) => {
    const model = build({ [key]: 0.5 })
    const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
    expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
  })

  it('refuses what it does not scale by, naming the key, and sizes that do not divide', () => {
    const rope_scaling = { rope_type: 'magic', factor: 2 }
    expect(() => build({ rope_scaling })).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'rope_scaling.rope_type' }),
      }),
    )
    for (const config of [{ num_attention_heads: 3 }, { rotary_pct: 0.1 }])
      expect(() => build(config)).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
