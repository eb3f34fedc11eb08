import {
  type Architecture,
  feed,
  hostTensor,
  lossOf,
  type MaskedLM,
  moduleAt,
  namedModules,
  namedParameters,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { albert } from '../albert.js'
import { bert } from '../bert.js'
import { deberta } from '../deberta.js'
import { debertaV2 } from '../deberta-v2.js'
import { distilbert } from '../distilbert.js'
import { electra } from '../electra.js'
import { encoderRows } from '../fixtures/encoder-rows.js'
import { near } from '../fixtures/padded-rows.js'
import {
  TINY_ALBERT,
  TINY_BERT,
  TINY_DEBERTA,
  TINY_DEBERTA_V2,
  TINY_DISTILBERT,
  TINY_ELECTRA,
  TINY_ROBERTA,
} from '../fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, runOver, tinyModel } from '../fixtures/tiny-model.js'
import { roberta } from '../roberta.js'

const build = (family: Architecture, config: object) =>
  tinyModel(family, config as Readonly<Record<string, unknown>>, 'MASKED_LM') as MaskedLM

const withoutTypes = { input_ids: encoderRows.input_ids, attention_mask: encoderRows.attention_mask }
const ofRoberta = {
  ...encoderRows,
  input_ids: idsOf([
    [5, 3, 9, 2, 1, 1],
    [2, 7, 7, 12, 4, 8],
  ]),
}

describe('maskedLM', () => {
  it.each([
    ['bert', bert, TINY_BERT, encoderRows, [0.1173, -0.1151, 0.189, 0.6905]],
    [
      'bert, untied',
      bert,
      { ...TINY_BERT, tie_word_embeddings: false },
      encoderRows,
      [-0.0795, 0.5162, -0.3178, -0.9271],
    ],
    ['roberta', roberta, TINY_ROBERTA, ofRoberta, [-0.8163, 1.3537, 0.1411, -0.535]],
    ['distilbert', distilbert, TINY_DISTILBERT, withoutTypes, [-0.5243, -0.1743, 0.559, 0.4308]],
    ['electra', electra, TINY_ELECTRA, encoderRows, [-0.1394, -0.4399, 0.6814, -0.0002]],
    ['albert', albert, TINY_ALBERT, encoderRows, [-0.0329, -0.3921, -0.6685, 0.024]],
    [
      'deberta over narrower tables',
      deberta,
      { ...TINY_DEBERTA, embedding_size: 6 },
      encoderRows,
      [-1.3655, 0.3339, -1.0634, -0.2897],
    ],
    ['deberta-v2', debertaV2, TINY_DEBERTA_V2, encoderRows, [0.051, 0.7704, -0.4268, 0.0638]],
    [
      'deberta-v2 with the head of the paper',
      debertaV2,
      { ...TINY_DEBERTA_V2, legacy: false },
      encoderRows,
      [-0.9433, -1.132, 0.7753, -0.6741],
    ],
  ] as const)("gives transformers' logits for seeded weights: %s", async (_, family, config, rows, first) => {
    const { y } = await forwardOf(build(family, config), rows)
    expect(y?.shape).toEqual([2, 6, 13])
    expect(rounded(y).slice(0, 4)).toEqual(near(first))
  })

  it.each([
    ['bert', bert, TINY_BERT],
    ['roberta', roberta, TINY_ROBERTA],
    ['electra', electra, TINY_ELECTRA],
  ] as const)('writes over a decoder and predicts over an encoder, and over nothing else: %s', (_, family, config) => {
    const made = (task: 'MASKED_LM' | 'CAUSAL_LM', is_decoder: boolean) => () =>
      tinyModel(family, { ...config, is_decoder }, task)
    const refused = expect.objectContaining({
      code: 'model.unsupported',
      details: expect.objectContaining({ key: 'is_decoder' }),
    })
    expect([made('MASKED_LM', false)().causal, made('CAUSAL_LM', true)().causal]).toEqual([false, true])
    expect(made('MASKED_LM', true)).toThrow(refused)
    expect(made('CAUSAL_LM', false)).toThrow(refused)
  })

  it.each([
    ['distilbert', distilbert, TINY_DISTILBERT, withoutTypes],
    ['albert', albert, TINY_ALBERT, encoderRows],
    ['deberta', deberta, TINY_DEBERTA, encoderRows],
    ['deberta-v2', debertaV2, TINY_DEBERTA_V2, encoderRows],
  ] as const)('reads over is_decoder as transformers does: %s', async (_, family, config, rows) => {
    const [plain, marked] = [build(family, config), build(family, { ...config, is_decoder: true })]
    expect(marked.causal).toBe(false)
    expect((await forwardOf(marked, rows)).y).toEqual((await forwardOf(plain, rows)).y)
  })

  it('has its loss over the tokens that count alone', async () => {
    const model = build(bert, TINY_BERT)
    const { y } = await forwardOf(model, encoderRows)
    const feeds = {
      ...encoderRows,
      counted_indices: hostTensor('i32', [3], [1, 8, 0]),
      counted_targets: hostTensor('i32', [3], [4, 11, 0]),
      counted_weights: hostTensor('f32', [3], [1, 1, 0]),
    }
    const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)] as const)
    const loss = lossOf(model)(model, Object.fromEntries(inputs))
    const got = await runOver(model, { name: 'loss', outputs: { loss } }, feeds)
    const logProbability = (position: number, token: number) => {
      const logits = Array.from(y?.data ?? [], Number).slice(13 * position, 13 * position + 13)
      return (logits[token] as number) - Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
    }
    expect(Number(got.loss?.data[0])).toBeCloseTo(-logProbability(1, 4) - logProbability(8, 11), 4)
  })

  it('shares the token table, and has its bias under the name that files have', () => {
    const names = (config: object) => [...namedParameters(build(bert, { ...TINY_BERT, ...config })).keys()]
    expect(names({})).toContain('cls.predictions.bias')
    expect(names({})).not.toContain('cls.predictions.decoder.weight')
    expect(names({ tie_word_embeddings: false })).toContain('cls.predictions.decoder.bias')
  })

  it("has Hugging Face's module paths, and tells its output layers", () => {
    const model = build(bert, TINY_BERT)
    expect(namedModules(model).map(({ path }) => path)).toEqual(
      expect.arrayContaining(['bert.encoder.layer.0', 'cls.predictions.transform.dense', 'cls.predictions.decoder']),
    )
    expect(model.outputLayers()).toEqual([moduleAt(model, 'cls.predictions.decoder')])
    const own = build(deberta, { ...TINY_DEBERTA, legacy: false })
    expect(own.outputLayers()).toContain(moduleAt(own, 'lm_predictions.lm_head.dense'))
  })

  it.each([
    ['tie_word_embeddings', false],
    ['embedding_size', 6],
  ])("refuses the paper's head of DeBERTa with %s %s", (key, value) => {
    expect(() => build(deberta, { ...TINY_DEBERTA, legacy: false, [key]: value })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', details: expect.objectContaining({ key }) }),
    )
  })
})
