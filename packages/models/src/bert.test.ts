import { hostTensor, type ModelConfig, moduleAt, namedModules, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { bert } from './bert.js'
import { TINY_BERT } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import type { PaddedEmbedding } from './layers/padded-embedding.js'

const ids = idsOf([
  [5, 3, 9, 1, 0, 0],
  [2, 7, 7, 12, 4, 8],
])
const mask = hostTensor('i32', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
const types = idsOf([
  [0, 1, 0, 1, 0, 0],
  [1, 0, 0, 1, 1, 0],
])

describe('bert', () => {
  it("gives transformers' logits for seeded weights, with a mask and token types", async () => {
    const model = tinyModel(bert, TINY_BERT, 'SEQ_CLS')
    const { y } = await forwardOf(model, { input_ids: ids, attention_mask: mask, token_type_ids: types })
    expect(rounded(y)).toEqual([-0.421, 0.3757, -0.4426, -0.2408, -0.0108, -0.2764].map((x) => expect.closeTo(x, 3)))
  })

  it("has Hugging Face's module paths, and a pooler only where a task needs it", () => {
    const paths = (task: 'SEQ_CLS' | 'TOKEN_CLS' | 'FEATURE_EXTRACTION') =>
      namedModules(tinyModel(bert, TINY_BERT, task)).map(({ path }) => path)
    expect(paths('SEQ_CLS')).toEqual(
      expect.arrayContaining(['bert.encoder.layer.1.attention.self.query', 'bert.pooler.dense', 'classifier']),
    )
    expect(paths('TOKEN_CLS')).not.toContain('bert.pooler')
    expect(paths('FEATURE_EXTRACTION')).toContain('encoder.layer.0.attention.output.LayerNorm')
  })

  it('hands out the pooled first token of the bare model', async () => {
    const got = await forwardOf(tinyModel(bert, TINY_BERT, 'FEATURE_EXTRACTION'), { input_ids: ids })
    expect(got.pooler_output?.shape).toEqual([2, 8])
    expect(got['hidden_states.2']?.data).toEqual(got.y?.data)
  })

  it('gives start and end logits for questions and labels for tokens', async () => {
    const questions = await forwardOf(tinyModel(bert, TINY_BERT, 'QUESTION_ANS'), { input_ids: ids })
    const tokens = await forwardOf(tinyModel(bert, TINY_BERT, 'TOKEN_CLS'), { input_ids: ids })
    expect(questions.y?.shape).toEqual([2, 6, 2])
    expect(tokens.y?.shape).toEqual([2, 6, 3])
  })

  it('knows the older names of the parts of a norm', () => {
    expect(bert.renameParameter?.('bert.embeddings.LayerNorm.gamma')).toBe('bert.embeddings.LayerNorm.weight')
    expect(bert.renameParameter?.('bert.embeddings.LayerNorm.beta')).toBe('bert.embeddings.LayerNorm.bias')
    expect(namedParameters(tinyModel(bert, TINY_BERT, 'SEQ_CLS')).has('bert.embeddings.LayerNorm.bias')).toBe(true)
  })

  it('keeps row 0 of the token table from learning, unless the configuration has another padding or none', () => {
    const { pad_token_id: _, ...without } = TINY_BERT
    const row = (config: ModelConfig) =>
      (moduleAt(tinyModel(bert, config, 'TOKEN_CLS'), 'bert.embeddings.word_embeddings') as PaddedEmbedding).paddingRow
    expect([row(without), row({ ...without, pad_token_id: 3 }), row({ ...without, pad_token_id: null })]).toEqual([
      0,
      3,
      undefined,
    ])
  })

  it.each([{ position_embedding_type: 'relative_key' }, { add_cross_attention: true }])('refuses %j', (extra) => {
    expect(() => tinyModel(bert, { ...TINY_BERT, ...extra }, 'SEQ_CLS')).toThrow(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })
})
