import { type Backend, reference, weightRequests } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bert } from '../bert.js'
import { TINY_BERT } from '../fixtures/tiny-configs.js'
import { tinyModel } from '../fixtures/tiny-model.js'
import { type ClassificationSource, classifyRows } from './classify-rows.js'

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
