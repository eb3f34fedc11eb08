import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_MISTRAL } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { mistral } from './mistral.js'

describe('mistral', () => {
  const build = (config: object) => tinyModel(mistral, { ...TINY_MISTRAL, ...config }, 'CAUSAL_LM')

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([-0.4331, -0.0898, 0.4363, 0.1031])
    const logits = rounded((await forwardOf(build({}), rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([0.6768, 0.2072, -0.4979, 0.4853])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(4), [11, 2, 2, 2, 4, 4, 4, 4]])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(mistral, TINY_MISTRAL, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([1.5422, -1.232, 0.1873, -0.0612, 0.7801, -0.4148]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.4143, 2.6665, -0.1679, -0.2612, 1.1641, -0.3609]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([0.6715, 1.0465, 0.7959, -0.1186]))
  })

  it('sees all before a token where the configuration has no window', async () => {
    const logits = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)
    const all = await logits({ sliding_window: null })
    expect(await logits({})).not.toEqual(all)
    expect(await logits({ sliding_window: 6 })).toEqual(all)
  })

  it('refuses types of layers, of which it has one, naming the key', () => {
    const layer_types = ['sliding_attention', 'full_attention']
    expect(() => build({ layer_types })).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'layer_types' }),
      }),
    )
  })
})
