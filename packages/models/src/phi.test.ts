import { hostTensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_PHI } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { phi } from './phi.js'

describe('phi', () => {
  const build = (config: object) => tinyModel(phi, { ...TINY_PHI, ...config }, 'CAUSAL_LM')

  it.each([
    ['', {}, [-0.0588, -0.4723, -1.0175, -0.8118], [-0.8143, -0.3001, 0.3246, -1.24]],
    [' with norms of heads', { qk_layernorm: true }, [0.0606, -0.6258, -1.3318, -0.8599], [-0.8442, -0.3028, 0.3064]],
  ])("gives transformers' logits for seeded weights, padded on either side%s", async (_, config, first, second) => {
    const logits = rounded((await forwardOf(build(config), rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 143 + second.length)]).toEqual([near(first), near(second)])
    expect(rounded((await forwardOf(build(config), leftPadded)).y).slice(65, 69)).toEqual(near(first))
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([
      [11, 4, 10, 4, 10, 4, 10, 4],
      [4, 10, 4, 10, 4, 10, 4, 10],
    ])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(phi, TINY_PHI, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([0.2368, -0.5937, 0.118, -1.9586, 3.0823, -0.3994]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.2868, -0.4575, 0.5467, -2.1586, 3.4663, -0.3455]))
  })

  it.each(['embd_pdrop', 'resid_pdrop', 'attention_dropout'])('drops by %s in a pass with a seed', async (key) => {
    const model = build({ [key]: 0.5 })
    const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
    expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
  })
})
