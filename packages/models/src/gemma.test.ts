import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GEMMA } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, parameterCount, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gemma } from './gemma.js'

const build = (config: object) => tinyModel(gemma, { ...TINY_GEMMA, ...config }, 'CAUSAL_LM')

describe('gemma', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const logits = rounded((await forwardOf(build({}), rightPadded)).y)
    const first = near([-1.2682, 0.6557, 0.0071, 0.6688])
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-0.3696, 0.0422, -0.9716, 0.7582])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(4), Array(8).fill(6)])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(gemma, TINY_GEMMA, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([1.7027, -2.065, 0.013, 0.5505, 1.067, -0.0012]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([2.1671, -2.0967, 0.1301, 0.3505, 1.451, 0.0527]))
  })

  it('means the approximation of GELU where a configuration says gelu', async () => {
    const of = async (hidden_act: string) => rounded((await forwardOf(build({ hidden_act }), rightPadded)).y)
    expect(await of('gelu')).toEqual(await of('gelu_pytorch_tanh'))
    expect(await of('gelu')).not.toEqual(await of('gelu_python'))
  })

  it("has as many parameters as Google's of 2 billion, by a configuration that leaves out what all have", () => {
    const config = {
      vocab_size: 256_000,
      hidden_size: 2048,
      intermediate_size: 16_384,
      num_hidden_layers: 18,
      num_attention_heads: 8,
      num_key_value_heads: 1,
    }
    expect(parameterCount(gemma, config, 'CAUSAL_LM')).toBe(2_506_172_416)
  })

  it('refuses tokens that see later ones, naming the key', () => {
    const key = 'use_bidirectional_attention'
    expect(() => build({ [key]: true })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
    )
  })
})
