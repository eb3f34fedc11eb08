import { hostTensor, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_GPT_NEO } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gptNeo } from './gpt-neo.js'

const build = (config: object) => tinyModel(gptNeo, { ...TINY_GPT_NEO, ...config }, 'CAUSAL_LM')
const logitsOf = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)

describe('gpt_neo', () => {
  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([-0.0609, 0.6971, -0.0017, -0.0657, -0.5513])
    const logits = await logitsOf({})
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([
      first,
      near([0.639, 0.5195, -0.2726, 0.4421, -0.2846]),
    ])
    const left = rounded((await forwardOf(build({}), leftPadded)).y)
    expect(left.slice(65, 70)).toEqual(near([0.5554, 0.3353, 0.4036, 0.4068, -0.5587]))
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(7), [5, 12, 7, 7, 7, 7, 7, 7]])
  })

  it('classifies rows and tokens, and finds answers', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS') =>
      rounded((await forwardOf(tinyModel(gptNeo, TINY_GPT_NEO, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([1.1448, -0.0538, -0.4991, 0.4612, -0.2683, -0.1684]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-1.8711, 0.4746, -1.4206, -1.7501, -0.1082, -1.407]))
    expect((await of('QUESTION_ANS')).slice(0, 4)).toEqual(near([-0.9709, -0.4882, -0.6728, -0.127]))
  })

  it('reads the kinds of layers from a list, else from what it repeats; a local layer sees as many tokens as its window', async () => {
    const { attention_types: _, ...rest } = TINY_GPT_NEO
    const listed = (...kinds: string[]) => logitsOf({ ...rest, attention_layers: kinds })
    expect(await listed('global', 'local')).toEqual(await logitsOf({}))
    expect(await listed('global', 'global')).toEqual(await logitsOf({ window_size: 6 }))
    expect(await listed('global', 'global')).not.toEqual(await logitsOf({ window_size: 5 }))
    expect(await listed('local', 'local')).toEqual(await logitsOf({ attention_types: [[['local'], 2]] }))
    const whole = { ...rest, attention_types: null, num_layers: 24 }
    expect(build(whole).sizes.layerCount).toBe(24)
  })

  it('has a bias on what attention gives alone, and ties its head', () => {
    const paths = [...namedParameters(build({})).keys()]
    expect(paths.filter((path) => /\.0\.attn\..*bias/.test(path))).toEqual([
      'transformer.h.0.attn.attention.out_proj.bias',
    ])
    expect(paths).not.toContain('lm_head.weight')
  })

  it.each(['embed_dropout', 'attention_dropout', 'resid_dropout'])(
    'drops in a pass with a seed, by %s',
    async (key) => {
      const model = build({ [key]: 0.5 })
      const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
      expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
    },
  )

  it('refuses kinds that it does not know or are not one a layer, and heads that do not divide the hidden size', () => {
    const unknown = { attention_layers: ['global', 'magic'] }
    expect(() => build(unknown)).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'attention_layers' }),
      }),
    )
    for (const config of [{ num_layers: 3 }, { attention_types: ['global'] }, { num_heads: 3 }])
      expect(() => build(config)).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
