import { hostTensor, namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { distilbert } from './distilbert.js'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_DISTILBERT } from './fixtures/tiny-configs.js'
import { forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

describe('distilbert', () => {
  it("gives transformers' logits of rows and of answers for seeded weights, whatever the token types", async () => {
    const rows = await forwardOf(tinyModel(distilbert, TINY_DISTILBERT, 'SEQ_CLS'), encoderRows)
    expect(rounded(rows.y)).toEqual(near([0.385, -0.0099, 0.1145, 0.2966, 0.1816, 0.0857]))
    const ends = await forwardOf(tinyModel(distilbert, TINY_DISTILBERT, 'QUESTION_ANS'), encoderRows)
    expect(rounded(ends.y).slice(0, 4)).toEqual(near([-0.0267, 0.3395, -0.9251, -0.9115]))
    expect(rounded(ends.y).slice(-2)).toEqual(near([-0.4315, -1.1375]))
  })

  it("has Hugging Face's module paths", () => {
    const paths = namedModules(tinyModel(distilbert, TINY_DISTILBERT, 'SEQ_CLS')).map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining([
        'distilbert.transformer.layer.1.attention.q_lin',
        'distilbert.transformer.layer.0.sa_layer_norm',
        'distilbert.transformer.layer.0.ffn.lin1',
        'pre_classifier',
        'classifier',
      ]),
    )
    expect(paths).not.toContain('distilbert.embeddings.token_type_embeddings')
  })

  it("reads its own names and transformers' names of sizes, and nothing by those that others have", async () => {
    const heads = (config: object) =>
      tinyModel(distilbert, { ...TINY_DISTILBERT, ...config }, 'SEQ_CLS').sizes.headCount
    expect([heads({ n_heads: 1 }), heads({ n_heads: 2, num_attention_heads: 1 })]).toEqual([1, 1])
    const others = { hidden_act: 'relu', intermediate_size: 99, layer_norm_eps: 0.5 }
    const logits = async (config: object) =>
      rounded((await forwardOf(tinyModel(distilbert, { ...TINY_DISTILBERT, ...config }, 'MASKED_LM'), encoderRows)).y)
    expect(await logits(others)).toEqual(await logits({}))
  })

  it.each([
    ['SEQ_CLS', 'seq_classif_dropout'],
    ['QUESTION_ANS', 'qa_dropout'],
    ['TOKEN_CLS', 'dropout'],
  ] as const)('drops activations before the head of %s at the rate of %s', async (task, key) => {
    const none = { dropout: 0, attention_dropout: 0, qa_dropout: 0, seq_classif_dropout: 0 }
    const seed = hostTensor('u32', [], [1])
    const outputs = await Promise.all(
      [none, { ...none, [key]: 0.5 }].map((rates) =>
        forwardOf(tinyModel(distilbert, { ...TINY_DISTILBERT, ...rates }, task), { ...encoderRows, seed }),
      ),
    )
    expect(rounded(outputs[0]?.y)).not.toEqual(rounded(outputs[1]?.y))
  })
})
