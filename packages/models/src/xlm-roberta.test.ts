import { namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_XLM_ROBERTA } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { xlmRoberta } from './xlm-roberta.js'

describe('xlmRoberta', () => {
  it("gives transformers' logits for seeded weights, with positions that skip padding", async () => {
    const model = tinyModel(xlmRoberta, TINY_XLM_ROBERTA, 'SEQ_CLS')
    const input_ids = idsOf([
      [5, 3, 9, 2, 1, 1],
      [2, 7, 7, 12, 4, 8],
    ])
    const { y } = await forwardOf(model, { ...encoderRows, input_ids })
    expect(rounded(y)).toEqual(near([-0.2395, -0.1036, 0.7377, -0.275, -0.0892, 0.9684]))
    expect(model.className).toBe('XLMRobertaForSequenceClassification')
  })

  it("has RoBERTa's module paths", () => {
    const paths = namedModules(tinyModel(xlmRoberta, TINY_XLM_ROBERTA, 'TOKEN_CLS')).map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['roberta.encoder.layer.1.attention.self.query', 'classifier']))
  })
})
