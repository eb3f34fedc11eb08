import { namedModules, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { deberta } from './deberta.js'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_DEBERTA } from './fixtures/tiny-configs.js'
import { forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

const build = (config: object, task: 'SEQ_CLS' | 'FEATURE_EXTRACTION' = 'FEATURE_EXTRACTION') =>
  tinyModel(deberta, { ...TINY_DEBERTA, ...config }, task)

describe('deberta', () => {
  it("gives transformers' logits for seeded weights", async () => {
    const { y } = await forwardOf(build({}, 'SEQ_CLS'), encoderRows)
    expect(rounded(y)).toEqual(near([-0.4887, -0.6341, -0.6513, -0.1998, -0.553, -0.418]))
  })

  it.each([
    [
      {
        position_biased_input: true,
        type_vocab_size: 2,
        embedding_size: 6,
        pos_att_type: 'p2c',
        max_relative_positions: -1,
      },
      [-2.2921, -0.5674, -0.2347],
      [0.9378, -0.4648, -1.2359],
    ],
    [{ relative_attention: false }, [0.188, 0.2849, -0.9382], [0.1377, 1.5208, -0.856]],
  ])("gives transformers' states, at padding too: %j", async (config, first, atPadding) => {
    const hidden = rounded((await forwardOf(build(config), encoderRows)).y)
    expect(hidden.slice(0, 3)).toEqual(near(first))
    expect(hidden.slice(32, 35)).toEqual(near(atPadding))
  })

  it("has Hugging Face's module paths and the pooler beside the bare model", () => {
    const model = build({}, 'SEQ_CLS')
    expect(namedModules(model).map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'deberta.encoder.rel_embeddings',
        'deberta.encoder.layer.1.attention.self.in_proj',
        'deberta.encoder.layer.0.attention.self.pos_q_proj',
        'pooler.dense',
        'classifier',
      ]),
    )
    expect([...namedParameters(model).keys()]).toContain('deberta.encoder.layer.0.attention.self.q_bias')
    expect(model.sizes.maxPositions).toBeNull()
  })

  it.each([{ talking_head: true }, { pos_att_type: ['p2p'] }, { pooler_hidden_size: 6 }, { attention_head_size: 3 }])(
    'refuses %j by its key',
    (config) => {
      expect(() => build(config)).toThrow(
        expect.objectContaining({
          code: 'model.unsupported',
          details: expect.objectContaining({ key: Object.keys(config)[0] }),
        }),
      )
    },
  )
})
