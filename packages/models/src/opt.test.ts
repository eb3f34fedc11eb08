import { namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_OPT, TINY_OPT_350M } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { opt } from './opt.js'

describe('opt', () => {
  it.each([
    [TINY_OPT, [0.9114, 0.3601, 0.5371, 0.9801, 0.0253], [0.1367, -1.0633, -0.154, 1.1768, 0.0204]],
    [TINY_OPT_350M, [-0.0556, 0.89, 0.1202, -0.1713, 0.2078], [0.12, -0.1571, -0.3167, -0.0165, -0.3179]],
  ])("gives transformers' logits for seeded weights, padded on either side", async (config, first, second) => {
    const model = tinyModel(opt, config, 'CAUSAL_LM')
    const logits = rounded((await forwardOf(model, rightPadded)).y)
    expect([logits.slice(39, 44), logits.slice(143, 148)]).toEqual([near(first), near(second)])
    expect(rounded((await forwardOf(model, leftPadded)).y).slice(65, 70)).toEqual(near(first))
  })

  it.each([
    [TINY_OPT, Array(8).fill(3), [10, 10, 10, 10, 10, 3, 10, 10]],
    [TINY_OPT_350M, Array(8).fill(1), [12, 1, 1, 1, 1, 1, 1, 1]],
  ])("generates transformers' tokens for rows of two lengths", async (config, first, second) => {
    expect(await continuationsOf(tinyModel(opt, config, 'CAUSAL_LM'), rows, 8)).toEqual([first, second])
  })

  it('classifies rows and finds answers from states as wide as its tokens', async () => {
    const labels = await forwardOf(tinyModel(opt, TINY_OPT_350M, 'SEQ_CLS'), rightPadded)
    expect(rounded(labels.y)).toEqual(near([1.3103, -0.1723, -0.4929, 0.0064, -0.0967, -0.3004]))
    const ends = await forwardOf(tinyModel(opt, TINY_OPT_350M, 'QUESTION_ANS'), rightPadded)
    expect(rounded(ends.y).slice(0, 4)).toEqual(near([-0.2787, -0.6868, -0.4629, 0.4127]))
    const states = await forwardOf(tinyModel(opt, TINY_OPT_350M, 'FEATURE_EXTRACTION'), rightPadded)
    expect(states.y?.shape).toEqual([2, 6, 6])
    expect(rounded(states.y).slice(-6, -1)).toEqual(near([-0.0177, -1.3021, 0.3661, -1.0031, -0.7269]))
  })

  it('counts given positions behind the two rows of the table that no token has', async () => {
    const model = tinyModel(opt, TINY_OPT, 'CAUSAL_LM')
    const position_ids = idsOf([
      [0, 0, 0, 1, 2, 3],
      [0, 1, 2, 3, 4, 5],
    ])
    const given = await forwardOf(model, { ...leftPadded, position_ids })
    expect(rounded(given.y).slice(65)).toEqual(rounded((await forwardOf(model, leftPadded)).y).slice(65))
    expect(namedParameters(model).get('model.decoder.embed_positions.weight')?.shape).toEqual([34, 8])
  })

  it('has a last norm where norms come first, unless the configuration removes it', () => {
    const hasLast = (extra: object) =>
      namedParameters(tinyModel(opt, { ...TINY_OPT, ...extra }, 'CAUSAL_LM')).has(
        'model.decoder.final_layer_norm.weight',
      )
    expect([hasLast({}), hasLast({ _remove_final_layer_norm: true }), hasLast(TINY_OPT_350M)]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('refuses norms without weights and layers that training leaves out, naming the key', () => {
    for (const [key, value] of [
      ['layer_norm_elementwise_affine', false],
      ['layerdrop', 0.1],
    ] as const)
      expect(() => tinyModel(opt, { ...TINY_OPT, [key]: value }, 'CAUSAL_LM')).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
      )
  })

  it('refuses heads that do not divide the hidden size', () => {
    expect(() => tinyModel(opt, { ...TINY_OPT, num_attention_heads: 3 }, 'CAUSAL_LM')).toThrow(
      expect.objectContaining({ code: 'model.config' }),
    )
  })
})
