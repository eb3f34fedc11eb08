import { namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { debertaV2 } from './deberta-v2.js'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_DEBERTA_V2 } from './fixtures/tiny-configs.js'
import { forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

const build = (config: object, task: 'SEQ_CLS' | 'FEATURE_EXTRACTION' = 'FEATURE_EXTRACTION') =>
  tinyModel(debertaV2, { ...TINY_DEBERTA_V2, ...config }, task)

describe('debertaV2', () => {
  it("gives transformers' logits for seeded weights", async () => {
    const { y } = await forwardOf(build({}, 'SEQ_CLS'), encoderRows)
    expect(rounded(y)).toEqual(near([0.6588, -0.2843, 0.8816, -0.4417, -0.7157, -0.5319]))
  })

  it.each([
    [{}, [0.2317, -0.9177, 1.5632], [-0.4098, -1.4107, 1.2954]],
    [
      {
        share_att_key: false,
        pos_att_type: ['c2p'],
        norm_rel_ebd: 'none',
        conv_kernel_size: 0,
        position_buckets: -1,
        max_relative_positions: 3,
      },
      [-0.3324, -0.026, 0.0645],
      [-1.9366, 0.0108, 0.7804],
    ],
    [{ pos_att_type: 'p2c', conv_kernel_size: 5 }, [-0.1793, -0.7158, 1.3973], [-0.4005, -1.4082, 1.268]],
  ])("gives transformers' states, at padding too: %j", async (config, first, atPadding) => {
    const hidden = rounded((await forwardOf(build(config), encoderRows)).y)
    expect(hidden.slice(0, 3)).toEqual(near(first))
    expect(hidden.slice(32, 35)).toEqual(near(atPadding))
  })

  it("has Hugging Face's module paths, and projections of distances only where they are not shared", () => {
    const paths = (config: object) => namedModules(build(config)).map(({ path }) => path)
    expect(paths({})).toEqual(
      expect.arrayContaining([
        'encoder.LayerNorm',
        'encoder.conv.LayerNorm',
        'encoder.layer.1.attention.self.query_proj',
      ]),
    )
    expect(paths({})).not.toContain('encoder.layer.0.attention.self.pos_key_proj')
    expect(paths({ share_att_key: false })).toContain('encoder.layer.0.attention.self.pos_query_proj')
  })

  it.each([{ position_buckets: 1 }, { conv_kernel_size: 2 }, { conv_groups: 2 }])('refuses %j by its key', (config) => {
    expect(() => build(config)).toThrow(
      expect.objectContaining({
        code: 'model.unsupported',
        details: expect.objectContaining({ key: Object.keys(config)[0] }),
      }),
    )
  })
})
