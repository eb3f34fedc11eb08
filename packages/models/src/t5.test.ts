import {
  deduplicate,
  feed,
  hostTensor,
  isOp,
  lossOf,
  type ModelConfig,
  namedParameters,
  passOf,
  type Seq2SeqLM,
  type SourceLookup,
  topologicalOrder,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_T5, TINY_T5_V1_1 } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, runOver, seededWeights, tinyModel } from './fixtures/tiny-model.js'
import { t5 } from './t5.js'

const tied: SourceLookup = (path, ...rest) => (path === 'lm_head.weight' ? undefined : seededWeights(path, ...rest))
const build = (config: ModelConfig, weights = config === TINY_T5_V1_1 ? seededWeights : tied) =>
  tinyModel(t5, config, 'SEQ_2_SEQ_LM', weights) as Seq2SeqLM
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
const labelled = {
  labels: hostTensor('i32', [2, 3], [4, 6, 0, 11, 2, 1]),
  label_weights: hostTensor('f32', [2, 3], [1, 1, 0, 1, 1, 1]),
}

async function lossOver(model: Seq2SeqLM, feeds: Readonly<Record<string, ReturnType<typeof idsOf>>>): Promise<number> {
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)] as const)
  const loss = lossOf(model)(model, Object.fromEntries(inputs))
  return Number((await runOver(model, { name: 'loss', outputs: { loss } }, feeds)).loss?.data[0])
}

describe('t5', () => {
  it.each([
    [
      'the first version',
      TINY_T5,
      [0.4264, 0.5677, 0.0853, 0.5041, -0.2103],
      [-0.2361, 0.0913, -0.0533, -0.3763, -0.0356],
    ],
    ['v1.1', TINY_T5_V1_1, [0.5559, -0.7698, -1.8126, 0.8807, -1.2436], [-0.603, 0.2948, -0.7867, 0.8568, -0.9611]],
  ])("gives transformers' logits for seeded weights: %s", async (_, config, first, last) => {
    const { y } = await forwardOf(build(config), { ...source, decoder_input_ids })
    const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 3))
    expect(rounded(y).slice(26, 31)).toEqual(near(first))
    expect(rounded(y).slice(73, 78)).toEqual(near(last))
  })

  it.each([
    ['the first version', TINY_T5, 2.589653491973877],
    ['v1.1', TINY_T5_V1_1, 2.6374619007110596],
  ])("has transformers' loss over labels that count: %s", async (_, config, mean) => {
    expect(await lossOver(build(config), { ...source, ...labelled })).toBeCloseTo(5 * mean, 4)
  })

  it('reads labels one place later behind the start token, and padding for those that do not count', async () => {
    const model = build({ ...TINY_T5, pad_token_id: 3, decoder_start_token_id: 7 })
    const labels = hostTensor('i32', [2, 3], [4, 0, 6, 11, 2, 1])
    const label_weights = hostTensor('f32', [2, 3], [1, 0, 1, 1, 1, 1])
    const read = idsOf([
      [7, 4, 3],
      [7, 11, 2],
    ])
    const own = await lossOver(model, { ...source, labels, label_weights })
    expect(own).toBe(await lossOver(model, { ...source, labels, label_weights, decoder_input_ids: read }))
  })

  it('has a head of its own where the file has one, whatever the configuration says, and shares its table otherwise', () => {
    const heads = (config: ModelConfig, weights: SourceLookup) =>
      [...namedParameters(build(config, weights)).keys()].filter((path) => !/^(?:en|de)coder\./.test(path))
    for (const config of [TINY_T5, TINY_T5_V1_1]) {
      expect(heads(config, tied)).toEqual(['shared.weight'])
      expect(heads(config, seededWeights)).toEqual(['shared.weight', 'lm_head.weight'])
    }
  })

  it('scales what the head reads unless the configuration says otherwise', async () => {
    const own = async (extra: object) => {
      const { y } = await forwardOf(build({ ...TINY_T5, ...extra }), { ...source, decoder_input_ids })
      return Number(y?.data[0])
    }
    const scaled = await own({})
    expect(await own({ tie_word_embeddings: false, scale_decoder_outputs: true })).toBe(scaled)
    expect((await own({ tie_word_embeddings: false })) / scaled).toBeCloseTo(Math.sqrt(8), 5)
    expect((await own({ scale_decoder_outputs: false })) / scaled).toBeCloseTo(Math.sqrt(8), 5)
  })

  it('computes the biases of a stack once for all its layers', () => {
    const feeds = {
      input_ids: feed('input_ids', 'i32', [1, 5]),
      decoder_input_ids: feed('decoder_input_ids', 'i32', [1, 3]),
    }
    const count = (layers: number) => {
      const model = build({ ...TINY_T5, num_layers: layers, num_decoder_layers: layers })
      const { ids, context } = passOf(feeds, model.causal)
      const nodes = topologicalOrder(deduplicate([model.forward(ids, context)]))
      return nodes.filter((node) => isOp(node, 'gatherRows')).length
    }
    expect(count(3)).toBe(count(1))
  })

  it("builds CodeT5's configuration, whose tokens have ids of their own", () => {
    const model = build(
      { ...TINY_T5, bos_token_id: 1, eos_token_id: 2, is_gated_act: false, dense_act_fn: 'relu' },
      tied,
    )
    expect([model.startToken, model.paddingToken, model.className]).toEqual([0, 0, 'T5ForConditionalGeneration'])
  })

  it('needs what the decoder reads', async () => {
    await expect(forwardOf(build(TINY_T5), source)).rejects.toMatchObject({ code: 'graph.slot' })
  })

  it.each([
    ['relative_attention_num_buckets', { relative_attention_num_buckets: 2 }],
    ['relative_attention_max_distance', { relative_attention_max_distance: 4 }],
  ])('refuses a table without room for far distances: %s', (_, extra) => {
    expect(() => build({ ...TINY_T5, ...extra })).toThrow(expect.objectContaining({ code: 'model.config' }))
  })
})
