import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_SMOLLM3 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { smollm3 } from './smollm3.js'

describe('smollm3', () => {
  const build = (config: object) => tinyModel(smollm3, { ...TINY_SMOLLM3, ...config }, 'CAUSAL_LM')
  const logits = async (config: object) => rounded((await forwardOf(build(config), rightPadded)).y)

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([-0.9931, 0.2735, 0.2939, 0.4003])
    const right = await logits({})
    expect([right.slice(39, 43), right.slice(143, 147)]).toEqual([first, near([0.4291, -0.005, -0.4453, 0.7908])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([Array(8).fill(4), [3, 3, 3, 5, 2, 2, 2, 2]])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(smollm3, TINY_SMOLLM3, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([2.0677, -2.1845, 0.333, 0.5396, 1.1761, -0.4533]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([-0.0518, 1.2474, 0.3888, 0.3396, 1.5601, -0.3994]))
  })

  it('leaves positions out of the layers that the configuration names, or of every fourth', async () => {
    const [second, every] = [await logits({}), await logits({ no_rope_layer_interval: undefined })]
    expect(await logits({ no_rope_layers: [1, 0], no_rope_layer_interval: undefined })).toEqual(second)
    expect(await logits({ no_rope_layers: [1, 1] })).toEqual(every)
    expect(every).not.toEqual(second)
    expect(() => build({ no_rope_layers: [1] })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })

  it('gives windows to the layers without positions, if they are on', async () => {
    const windows = { use_sliding_window: true, sliding_window: 3 }
    const windowed = await logits(windows)
    expect(windowed).not.toEqual(await logits({}))
    expect(await logits({ ...windows, layer_types: ['full_attention', 'sliding_attention'] })).toEqual(windowed)
    expect(await logits({ ...windows, use_sliding_window: false })).toEqual(await logits({}))
  })
})
