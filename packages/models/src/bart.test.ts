import {
  FullModel,
  feed,
  hostTensor,
  learnedParameters,
  lossOf,
  namedParameters,
  reference,
  type Seq2SeqLM,
  type SourceLookup,
  type TaskType,
  weightRequests,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { bart } from './bart.js'
import { TINY_BART } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, runOver, seededWeights, tinyModel } from './fixtures/tiny-model.js'
import { generateRows } from './generation/generate-tokens.js'

const tied: SourceLookup = (path, ...rest) => (path === 'lm_head.weight' ? undefined : seededWeights(path, ...rest))
const build = (extra: object = {}, weights: SourceLookup = tied) =>
  tinyModel(bart, { ...TINY_BART, ...extra }, 'SEQ_2_SEQ_LM', weights) as Seq2SeqLM
const other = (task: TaskType) => tinyModel(bart, TINY_BART, task)
const prompts = [
  [5, 3, 9, 1],
  [2, 7, 7, 12, 4, 8],
]
const source = {
  input_ids: idsOf([
    [5, 3, 9, 1, 0, 0],
    [2, 7, 7, 12, 4, 8],
  ]),
  attention_mask: hostTensor('bool', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]),
}
const decoder_input_ids = idsOf([
  [0, 4, 6],
  [0, 11, 2],
])
const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 3))

describe('bart', () => {
  it.each([
    [{}, [0.0168, 2.0242, 0.9233, 1.127, -1.133], [-0.6536, -0.0591, -0.0607, -0.9918, -0.1453]],
    [{ scale_embedding: true }, [0.2055, 0.244, -0.3891, 1.6301, -1.7687], [-0.9188, 0.0456, 0.3377, -0.1445, 0.3698]],
  ])("gives transformers' logits for seeded weights: %j", async (extra, first, last) => {
    const { y } = await forwardOf(build(extra), { ...source, decoder_input_ids })
    expect(rounded(y).slice(26, 31)).toEqual(near(first))
    expect(rounded(y).slice(73, 78)).toEqual(near(last))
  })

  it("has transformers' loss over labels that count, the decoder reading padding for others", async () => {
    const feeds = {
      ...source,
      labels: hostTensor('i32', [2, 3], [4, 6, 0, 11, 2, 1]),
      label_weights: hostTensor('f32', [2, 3], [1, 1, 0, 1, 1, 1]),
    }
    const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)] as const)
    const model = build()
    const loss = lossOf(model)(model, Object.fromEntries(inputs))
    const got = await runOver(model, { name: 'loss', outputs: { loss } }, feeds)
    expect(Number(got.loss?.data[0])).toBeCloseTo(5 * 3.6447601318359375, 4)
  })

  it("writes transformers' likeliest tokens", async () => {
    const [model, backend] = [build(), reference()]
    const weights = await backend.loadWeights(weightRequests(model))
    const rows = await generateRows({ model, backend, weights }, prompts, { maxNewTokens: 5 })
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [1, 1, 1, 1, 7],
      [7, 3, 3, 3, 3],
    ])
  })

  it('reads without a decoder what the encoder reads, one place later: the bare model', async () => {
    const { y } = await forwardOf(other('FEATURE_EXTRACTION'), source)
    expect(rounded(y).slice(0, 5)).toEqual(near([1.4889, -0.8352, -0.6779, -0.5854, -0.1819]))
    expect(rounded(y).slice(-5)).toEqual(near([-0.0729, -0.8596, -1.0561, 0.628, 1.5237]))
  })

  it("gives transformers' logits of labels, from the last end token", async () => {
    const input_ids = idsOf([
      [5, 3, 9, 2, 1, 1],
      [0, 7, 7, 12, 4, 2],
    ])
    const attention_mask = hostTensor('bool', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
    const { y } = await forwardOf(other('SEQ_CLS'), { input_ids, attention_mask })
    expect(rounded(y)).toEqual(near([-0.0797, -1.5831, 0.1093, 0.1004, -1.4301, -0.153]))
  })

  it("gives transformers' logits of starts and ends", async () => {
    const { y } = await forwardOf(other('QUESTION_ANS'), source)
    const values = rounded(y)
    expect(values.slice(0, 4)).toEqual(near([-1.0932, -2.1546, -1.3558, -1.0748]))
    expect(values.slice(-2)).toEqual(near([-0.5557, -1.9069]))
  })

  it('finds its shared table under any of its names, with the prefix or without', () => {
    const names = ['model.encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'model.shared.weight']
    expect(names.map((name) => bart.renameParameter?.(name))).toEqual([
      'model.shared.weight',
      'shared.weight',
      'model.shared.weight',
    ])
  })

  it('has the bias of its logits only where the file has one, and it is no parameter', async () => {
    const biasless: SourceLookup = (path, ...rest) => (path === 'final_logits_bias' ? undefined : tied(path, ...rest))
    const [plain, biased] = [build({}, biasless), build()]
    const names = (model: Seq2SeqLM) => [...namedParameters(model).keys()]
    expect(names(biased).filter((name) => !names(plain).includes(name))).toEqual(['final_logits_bias'])
    expect([...learnedParameters(biased).keys()]).toEqual(names(plain))
    expect([...(await new FullModel(biased).trainable()).keys()]).toEqual(names(plain))
    const [{ y }, { y: shifted }] = [
      await forwardOf(plain, { ...source, decoder_input_ids }),
      await forwardOf(biased, { ...source, decoder_input_ids }),
    ]
    expect(rounded(y)).not.toEqual(rounded(shifted))
  })

  it('has a head of its own where the file has one', () => {
    expect([...namedParameters(build({}, seededWeights)).keys()]).toContain('lm_head.weight')
    expect([...namedParameters(build()).keys()]).not.toContain('lm_head.weight')
  })

  it('refuses what is not built by its key', () => {
    for (const [key, value] of [
      ['tie_word_embeddings', false],
      ['decoder_layerdrop', 0.1],
    ] as const)
      expect(() => build({ [key]: value })).toThrow(
        expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
      )
    expect(() => build({ encoder_attention_heads: 3 })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })

  it('looks up as many positions as it has, behind two rows of none', () => {
    const model = build()
    const rows = (path: string) => namedParameters(model).get(path)?.shape
    expect(rows('model.encoder.embed_positions.weight')).toEqual([18, 8])
    expect(model.sizes.maxPositions).toBe(16)
  })
})
