import { namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
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

  it('refuses layers whose attention has a window, naming the key', () => {
    const refused = (key: string) =>
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) })
    const windows = { use_sliding_window: true, max_window_layers: 1 }
    expect(build(windows)).toThrow(refused('use_sliding_window'))
    expect(build({ layer_types: ['full_attention', 'sliding_attention'] })).toThrow(refused('layer_types'))
  })

  it('builds where the configuration has windows that no layer uses', () => {
    const windows = { use_sliding_window: true, sliding_window: 8, max_window_layers: 1 }
    for (const extra of [
      { ...windows, use_sliding_window: false },
      { ...windows, max_window_layers: 2 },
      { ...windows, sliding_window: null },
      { ...windows, layer_types: ['full_attention', 'full_attention'] },
    ])
      expect(build(extra)().className).toBe('Qwen2ForCausalLM')
  })

  it('takes as many positions as transformers where the configuration does not say', () => {
    const { max_position_embeddings, ...without } = TINY_QWEN2
    expect(tinyModel(qwen2, without, 'CAUSAL_LM').sizes.maxPositions).toBe(32_768)
    expect(build({})().sizes.maxPositions).toBe(max_position_embeddings)
  })
})
