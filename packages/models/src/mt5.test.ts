import {
  hostTensor,
  namedParameters,
  reference,
  type Seq2SeqLM,
  type SourceLookup,
  weightRequests,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_MT5 } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { generateRows } from './generation/generate-tokens.js'
import { mt5 } from './mt5.js'

const build = (extra: object = {}, weights?: SourceLookup) =>
  tinyModel(mt5, { ...TINY_MT5, ...extra }, 'SEQ_2_SEQ_LM', weights) as Seq2SeqLM
const prompts = [
  [5, 3, 9, 1],
  [2, 7, 7, 12, 4, 8],
]

describe('mt5', () => {
  it("gives transformers' logits for seeded weights, whose head nothing is scaled for", async () => {
    const feeds = {
      input_ids: idsOf(prompts.map((ids) => [...ids, 0, 0].slice(0, 6))),
      attention_mask: hostTensor('bool', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]),
      decoder_input_ids: idsOf([
        [0, 4, 6],
        [0, 11, 2],
      ]),
    }
    const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 3))
    for (const extra of [{}, { tie_word_embeddings: true }, { tie_word_embeddings: false }]) {
      const { y } = await forwardOf(build(extra), feeds)
      expect(rounded(y).slice(26, 31)).toEqual(near([0.5559, -0.7698, -1.8126, 0.8807, -1.2436]))
      expect(rounded(y).slice(73, 78)).toEqual(near([-0.603, 0.2948, -0.7867, 0.8568, -0.9611]))
    }
  })

  it("writes transformers' likeliest tokens", async () => {
    const [model, backend] = [build(), reference()]
    const weights = await backend.loadWeights(weightRequests(model))
    const rows = await generateRows({ model, backend, weights }, prompts, { maxNewTokens: 6 })
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [3, 11, 11, 11, 11, 11],
      [11, 11, 11, 11, 11, 11],
    ])
  })

  it('has the sizes of mT5-small where config.json does not say', () => {
    const shapes: SourceLookup = (_, shape) => ({ dtype: 'f32', shape, read: async () => new Uint8Array() })
    const model = tinyModel(mt5, { model_type: 'mt5' }, 'SEQ_2_SEQ_LM', shapes)
    const sizes = [...namedParameters(model).values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1))
    expect(model.className).toBe('MT5ForConditionalGeneration')
    expect(sizes.reduce((a, b) => a + b)).toBe(300_176_768)
  })
})
