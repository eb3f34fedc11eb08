import { namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { near, rightPadded } from './fixtures/padded-rows.js'
import { TINY_QWEN2 } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { qwen2 } from './qwen2.js'

const build = (extra: object) => () => tinyModel(qwen2, { ...TINY_QWEN2, ...extra }, 'CAUSAL_LM')

describe('qwen2', () => {
  it("gives transformers' logits for seeded weights", async () => {
    const ids = idsOf([
      [5, 3, 9, 1, 0, 0],
      [2, 7, 7, 12, 4, 8],
    ])
    const { y } = await forwardOf(build({})(), { input_ids: ids })
    expect(rounded(y).slice(65, 70)).toEqual(
      [-0.254, -0.3846, 1.0559, -0.4422, -0.5159].map((x) => expect.closeTo(x, 3)),
    )
    expect(rounded(y).slice(143, 148)).toEqual(
      [0.2987, -0.0679, -0.2238, 0.699, -0.038].map((x) => expect.closeTo(x, 3)),
    )
  })

  it('has biases on queries, keys and values, whatever the configuration says of others', () => {
    const biases = [...namedParameters(build({ attention_bias: false, mlp_bias: true })()).keys()].filter(
      (path) => path.includes('layers.0.') && path.endsWith('.bias'),
    )
    expect(biases).toEqual(['q_proj', 'k_proj', 'v_proj'].map((name) => `model.layers.0.self_attn.${name}.bias`))
  })

  it('has windows in the layers that the configuration names, if they are on', async () => {
    const logits = async (config: object) => rounded((await forwardOf(build(config)(), rightPadded)).y)
    const on = { use_sliding_window: true, sliding_window: 3, max_window_layers: 1 }
    const [windowed, all] = [await logits(on), await logits({})]
    expect([windowed.slice(39, 43), windowed.slice(143, 147)]).toEqual([
      near([-0.8434, 0.037, 0.9465, 0.3929]),
      near([0.3006, -0.0437, -0.1552, 0.7034]),
    ])
    expect(await logits({ ...on, max_window_layers: 2, layer_types: ['full_attention', 'sliding_attention'] })).toEqual(
      windowed,
    )
    for (const off of [{ use_sliding_window: false }, { max_window_layers: 2 }, { sliding_window: null }])
      expect(await logits({ ...on, ...off })).toEqual(all)
  })

  it('refuses layers that slide while windows are off', () => {
    expect(build({ layer_types: ['full_attention', 'sliding_attention'] })).toThrow(
      expect.objectContaining({ code: 'model.config' }),
    )
  })

  it('takes as many positions as transformers where the configuration does not say', () => {
    const { max_position_embeddings, ...without } = TINY_QWEN2
    expect(tinyModel(qwen2, without, 'CAUSAL_LM').sizes.maxPositions).toBe(32_768)
    expect(build({})().sizes.maxPositions).toBe(max_position_embeddings)
  })
})
