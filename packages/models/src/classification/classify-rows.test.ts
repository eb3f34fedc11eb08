import { type Backend, hostTensor, memorySource, reference, type SourceLookup, weightRequests } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bart } from '../bart.js'
import { bert } from '../bert.js'
import { TINY_BART, TINY_BERT, TINY_T5 } from '../fixtures/tiny-configs.js'
import { forwardOf, idsOf, seededWeights, tinyModel } from '../fixtures/tiny-model.js'
import { t5 } from '../t5.js'
import { classifyRows, classifyTokens, encodeRows } from './classify-rows.js'
import { fillMasks } from './fill-masks.js'
import type { ClassificationSource } from './row-batches.js'

const model = tinyModel(bert, TINY_BERT, 'SEQ_CLS')
let backend: Backend
let source: ClassificationSource

beforeAll(async () => {
  backend = reference()
  source = { model, backend, weights: await backend.loadWeights(weightRequests(model)), padTokenId: 0 }
})
afterAll(() => backend.close())

describe('classifyRows', () => {
  it('gives the logits of each row in order, whatever runs together', async () => {
    const rows = [
      { inputIds: [5, 3, 9, 1], tokenTypeIds: [0, 1, 0, 1] },
      { inputIds: [2, 7, 7, 12, 4, 8], tokenTypeIds: [1, 0, 0, 1, 1, 0] },
    ]
    const [short, long] = await classifyRows(source, rows)
    // transformers' for seeded weights, as in bert.test.ts
    expect([...(short as Float32Array), ...(long as Float32Array)]).toEqual(
      [-0.421, 0.3757, -0.4426, -0.2408, -0.0108, -0.2764].map((x) => expect.closeTo(x, 3)),
    )
    const many = Array.from({ length: 11 }, (_, i) => rows[i % 2] as (typeof rows)[number])
    const found = await classifyRows({ ...source, padTokenId: undefined }, many)
    for (const [i, logits] of found.entries())
      expect([...logits]).toEqual([...((i % 2 === 0 ? short : long) as Float32Array)].map((x) => expect.closeTo(x, 5)))
    expect(await classifyRows(source, [])).toEqual([])
  })

  it('refuses rows that the model cannot read, other heads, and what was aborted', async () => {
    for (const row of [{ inputIds: [] }, { inputIds: [1e6] }, { inputIds: [1, 2], attentionMask: [1] }])
      await expect(classifyRows(source, [row])).rejects.toMatchObject({ code: 'config.value' })
    const tokens = { ...source, model: tinyModel(bert, TINY_BERT, 'TOKEN_CLS') }
    await expect(classifyRows(tokens, [{ inputIds: [1] }])).rejects.toMatchObject({ code: 'model.unsupported' })
    const signal = AbortSignal.abort('enough')
    await expect(classifyRows(source, [{ inputIds: [1] }], { signal })).rejects.toBe('enough')
  })
})

describe('classifyTokens', () => {
  it('gives the logits of every id of each row, the same whatever runs together', async () => {
    for (const task of ['TOKEN_CLS', 'QUESTION_ANS'] as const) {
      const own = tinyModel(bert, TINY_BERT, task)
      const tokens = { ...source, model: own, weights: await backend.loadWeights(weightRequests(own)) }
      const rows = [{ inputIds: [5, 3, 9, 1] }, { inputIds: [2, 7, 7, 12, 4, 8] }]
      const [short, long] = await classifyTokens(tokens, rows)
      const labels = task === 'QUESTION_ANS' ? 2 : TINY_BERT.num_labels
      expect([short?.length, long?.length]).toEqual([4 * labels, 6 * labels])
      const y = (await forwardOf(own, { input_ids: idsOf([[5, 3, 9, 1]]) })).y
      expect([...(short as Float32Array)]).toEqual(Array.from(y?.data ?? [], (x) => expect.closeTo(Number(x), 4)))
    }
    await expect(classifyTokens(source, [{ inputIds: [1] }])).rejects.toMatchObject({ code: 'model.unsupported' })
  })
})

describe('encodeRows', () => {
  it('refuses encoder-decoders, whose last states are of what is written, and takes an encoder alone', async () => {
    for (const both of [tinyModel(t5, TINY_T5, 'FEATURE_EXTRACTION'), tinyModel(bart, TINY_BART, 'FEATURE_EXTRACTION')])
      await expect(encodeRows({ ...source, model: both }, [{ inputIds: [1] }])).rejects.toMatchObject({
        code: 'model.unsupported',
        details: { class: both.className },
      })
    const alone = tinyModel(t5, { ...TINY_T5, is_encoder_decoder: false }, 'FEATURE_EXTRACTION')
    const weights = await backend.loadWeights(weightRequests(alone))
    const [states] = await encodeRows({ ...source, model: alone, weights }, [{ inputIds: [5, 3, 9] }])
    expect(states).toHaveLength(3 * TINY_T5.d_model)
  })
})

it.each([
  ['SEQ_CLS', 'classifier.bias', (source: ClassificationSource) => classifyRows(source, [{ inputIds: [1] }])],
  ['TOKEN_CLS', 'classifier.bias', (source: ClassificationSource) => classifyTokens(source, [{ inputIds: [1] }])],
  [
    'MASKED_LM',
    'cls.predictions.bias',
    (source: ClassificationSource) => fillMasks(source, [{ inputIds: [1], places: [0] }], { topK: 2 }),
  ],
] as const)('refuses logits that are not finite in %s', async (task, bias, run) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const broken: SourceLookup = (path, shape, initial) =>
      path === bias
        ? memorySource(hostTensor('f32', shape, new Float32Array(shape[0] as number).fill(value)))
        : seededWeights(path, shape, initial)
    const own = tinyModel(bert, TINY_BERT, task, broken)
    const weights = await backend.loadWeights(weightRequests(own))
    await expect(run({ ...source, model: own, weights })).rejects.toMatchObject({ code: 'prediction.finite' })
  }
})

describe('fillMasks', () => {
  it('gives the likeliest tokens of each place with their probabilities', async () => {
    const own = tinyModel(bert, TINY_BERT, 'MASKED_LM')
    const masked = { ...source, model: own, weights: await backend.loadWeights(weightRequests(own)) }
    const ids = [5, 3, 9, 1]
    const rows = [
      { inputIds: [2, 7], places: [] },
      { inputIds: ids, places: [1, 3] },
    ]
    const [none, found] = await fillMasks(masked, rows, { topK: 3 })
    expect(none).toEqual([])
    const { vocabularySize: size } = own.sizes
    const logits = Array.from((await forwardOf(own, { input_ids: idsOf([ids]) })).y?.data ?? [], Number)
    for (const [i, place] of [1, 3].entries()) {
      const row = logits.slice(place * size, (place + 1) * size)
      const sum = row.reduce((all, x) => all + Math.exp(x), 0)
      const best = row.map((x, token) => ({ token, score: Math.exp(x) / sum })).sort((a, b) => b.score - a.score)
      expect(found?.[i]).toEqual(
        best.slice(0, 3).map(({ token, score }) => ({ token, score: expect.closeTo(score, 5) })),
      )
    }
    await expect(fillMasks(source, [], { topK: 1 })).rejects.toMatchObject({ code: 'model.unsupported' })
  })
})
