import { hostTensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { leftPadded, near, rightPadded, rows } from './fixtures/padded-rows.js'
import { TINY_PHI3 } from './fixtures/tiny-configs.js'
import { continuationsOf, forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { phi3 } from './phi3.js'

describe('phi3', () => {
  const build = (config: object) => tinyModel(phi3, { ...TINY_PHI3, ...config }, 'CAUSAL_LM')

  it("gives transformers' logits for seeded weights, padded on either side", async () => {
    const first = near([0.7829, 1.1256, -2.0961, 0.3035])
    const logits = rounded((await forwardOf(build({}), rightPadded)).y)
    expect([logits.slice(39, 43), logits.slice(143, 147)]).toEqual([first, near([-0.9734, -0.0784, -0.429, 0.7643])])
    expect(rounded((await forwardOf(build({}), leftPadded)).y).slice(65, 69)).toEqual(first)
  })

  it("generates transformers' tokens for rows of two lengths", async () => {
    expect(await continuationsOf(build({}), rows, 8)).toEqual([
      [4, 4, 1, 0, 2, 4, 4, 4],
      [5, 6, 3, 3, 2, 4, 4, 4],
    ])
  })

  it('classifies rows and tokens', async () => {
    const of = async (task: 'SEQ_CLS' | 'TOKEN_CLS') =>
      rounded((await forwardOf(tinyModel(phi3, TINY_PHI3, task), rightPadded)).y)
    expect(await of('SEQ_CLS')).toEqual(near([2.2163, 0.8538, -1.2949, 0.4698, 0.9596, 0.3258]))
    expect((await of('TOKEN_CLS')).slice(-6)).toEqual(near([1.1352, 1.5859, -1.0741, 0.2699, 1.3436, 0.3797]))
  })

  it('is stretched by LongRoPE under its three names, with other factors beyond the positions that it was trained for', async () => {
    const long = { sliding_window: null, max_position_embeddings: 64, original_max_position_embeddings: 32 }
    const factors = { short_factor: [1.5], long_factor: [4] }
    for (const type of ['longrope', 'su', 'yarn']) {
      const model = build({ ...long, rope_scaling: { type, ...factors } })
      const logits = rounded((await forwardOf(model, rightPadded)).y)
      expect(logits.slice(39, 43)).toEqual(near([0.7149, 1.1327, -2.0649, 0.3326]))
      expect(logits.slice(143, 147)).toEqual(near([1.2642, -0.1156, -1.0779, 0.1839]))
      expect(model.sizes).toMatchObject({ maxPositions: 64, stretch: { from: 32, isReadAgain: true } })
    }
  })

  it('drops what its halves give in a pass with a seed', async () => {
    const model = build({ resid_pdrop: 0.5 })
    const { y } = await forwardOf(model, { ...rightPadded, seed: hostTensor('u32', [], [1]) })
    expect(rounded(y)).not.toEqual(rounded((await forwardOf(model, rightPadded)).y))
  })

  it('refuses scalings that transformers refuses for it, naming the key', () => {
    expect(() => build({ rope_scaling: { type: 'linear', factor: 2 } })).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: 'rope_scaling.type' }),
      }),
    )
  })
})
