import { hostTensor, namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_ROBERTA } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { roberta } from './roberta.js'

const feeds = {
  input_ids: idsOf([
    [5, 3, 9, 2, 1, 1],
    [2, 7, 7, 12, 4, 8],
  ]),
  attention_mask: hostTensor('i32', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]),
  token_type_ids: idsOf([
    [0, 1, 0, 1, 0, 0],
    [1, 0, 0, 1, 1, 0],
  ]),
}

describe('roberta', () => {
  it("gives transformers' logits for seeded weights, with positions of its own and with given ones", async () => {
    const model = tinyModel(roberta, TINY_ROBERTA, 'SEQ_CLS')
    const own = await forwardOf(model, feeds)
    const given = await forwardOf(model, {
      ...feeds,
      position_ids: idsOf([
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5],
      ]),
    })
    expect(rounded(own.y)).toEqual([-0.2395, -0.1036, 0.7377, -0.275, -0.0892, 0.9684].map((x) => expect.closeTo(x, 3)))
    expect(rounded(given.y)).toEqual(
      [-0.0812, -0.0241, 0.7356, -0.2685, -0.0861, 0.9634].map((x) => expect.closeTo(x, 3)),
    )
  })

  it("has Hugging Face's module paths, and a pooler in the bare model alone", () => {
    const paths = (task: 'SEQ_CLS' | 'FEATURE_EXTRACTION') =>
      namedModules(tinyModel(roberta, TINY_ROBERTA, task)).map(({ path }) => path)
    expect(paths('SEQ_CLS')).toEqual(
      expect.arrayContaining([
        'roberta.encoder.layer.1.attention.self.query',
        'classifier.dense',
        'classifier.out_proj',
      ]),
    )
    expect(paths('SEQ_CLS')).not.toContain('roberta.pooler')
    expect(paths('FEATURE_EXTRACTION')).toContain('pooler.dense')
  })

  it('gives start and end logits for questions and labels for tokens', async () => {
    const shapes = await Promise.all(
      (['QUESTION_ANS', 'TOKEN_CLS'] as const).map(async (task) => {
        const { y } = await forwardOf(tinyModel(roberta, TINY_ROBERTA, task), feeds)
        return y?.shape
      }),
    )
    expect(shapes).toEqual([
      [2, 6, 2],
      [2, 6, 3],
    ])
  })

  it('takes rows as long as the positions after the padding allow', () => {
    expect(tinyModel(roberta, TINY_ROBERTA, 'SEQ_CLS').sizes.maxPositions).toBe(30)
    const { pad_token_id, ...without } = TINY_ROBERTA
    expect(tinyModel(roberta, without, 'SEQ_CLS').sizes.maxPositions).toBe(32 - pad_token_id - 1)
  })

  it('drops activations before the head in a pass with a seed', async () => {
    const model = tinyModel(roberta, { ...TINY_ROBERTA, hidden_dropout_prob: 0, classifier_dropout: 0.5 }, 'SEQ_CLS')
    const still = await forwardOf(model, feeds)
    const dropped = await forwardOf(model, { ...feeds, seed: hostTensor('u32', [], [1]) })
    expect(dropped.y?.data).not.toEqual(still.y?.data)
  })

  it('refuses relative positions and a configuration without padding', () => {
    for (const extra of [{ position_embedding_type: 'relative_key' }, { pad_token_id: null }])
      expect(() => tinyModel(roberta, { ...TINY_ROBERTA, ...extra }, 'SEQ_CLS')).toThrow(
        expect.objectContaining({ code: 'model.unsupported' }),
      )
  })

  it('refuses a padding id that leaves no position', () => {
    for (const pad_token_id of [31, 200])
      expect(() => tinyModel(roberta, { ...TINY_ROBERTA, pad_token_id }, 'SEQ_CLS')).toThrow(
        expect.objectContaining({ code: 'model.config' }),
      )
  })
})
