import { describe, expect, it } from 'vitest'
import { type LoadDatasetOptions, loadDataset } from '../dataset/load-dataset.js'
import { tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { prepareSeq2Seq, type Seq2SeqOptions } from './prepare-seq2seq.js'

async function prepared(rows: readonly object[], options: Seq2SeqOptions = {}, fields: LoadDatasetOptions = {}) {
  const dataset = loadDataset(rows as Record<string, unknown>[], fields)
  const examples = await prepareSeq2Seq(dataset, async () => tinyTokenizer(), options)
  return {
    examples,
    features: await Promise.all(Array.from({ length: examples.length }, (_, i) => examples.example(i))),
  }
}

describe('prepareSeq2Seq', () => {
  const { eosTokenId: end } = tinyTokenizer()
  const ids = (text: string) => tinyTokenizer().encode(text).inputIds

  it('tokenizes both sides by themselves, and ends what is written', async () => {
    const { features, examples } = await prepared([{ prompt: 'abc', completion: 'de' }])
    expect(end).toBeDefined()
    expect(features).toEqual([{ inputIds: ids('abc'), labels: [...ids('de'), end] }])
    expect([...examples.lengths]).toEqual([Math.max(ids('abc').length, ids('de').length + 1)])
    expect([...examples.counts]).toEqual([...examples.lengths])
  })

  it('cuts both sides to the longest that they may be', async () => {
    const { features, examples } = await prepared([{ prompt: 'abcdef', completion: 'fedcba' }], { maxLength: 2 })
    expect(examples.warnings).toEqual(['1 of 1 rows are cut to maxLength 2; the longest has 7 tokens'])
    expect(features).toEqual([{ inputIds: ids('abcdef').slice(0, 2), labels: ids('fedcba').slice(0, 2) }])
  })

  it('counts a completion whose end does not fit as cut', async () => {
    const both = [{ prompt: 'a', completion: 'de' }]
    expect((await prepared(both, { maxLength: 2 })).examples.warnings).toHaveLength(1)
    expect((await prepared(both, { maxLength: 3 })).examples.warnings).toEqual([])
  })

  it('takes columns by name', async () => {
    const fields = { promptField: 'question', completionField: 'answer' }
    const { features } = await prepared([{ question: 'abc', answer: 'de' }], {}, fields)
    expect(features[0]?.inputIds).toEqual(ids('abc'))
  })

  it('takes tokenized rows as they are', async () => {
    const rows = [
      { input_ids: [1, 2], attention_mask: [1, 0], labels: [3, -100, 4] },
      { input_ids: [5], labels: [6] },
    ]
    const { features, examples } = await prepared(rows)
    expect(features).toEqual([
      { inputIds: [1, 2], attentionMask: [1, 0], labels: [3, -100, 4] },
      { inputIds: [5], labels: [6] },
    ])
    expect([...examples.lengths]).toEqual([3, 1])
  })

  it.each([
    ['text alone', { text: 'abc' }, 'data.shape'],
    ['a completion that is no text', { prompt: 'abc', completion: 3 }, 'data.row'],
    ['ids without labels', { input_ids: [1] }, 'data.row'],
    ['labels of which none counts', { input_ids: [1], labels: [-100] }, 'data.unsupervised'],
    ['a mask of another length', { input_ids: [1], attention_mask: [1, 1], labels: [1] }, 'data.row'],
  ])('refuses %s', async (_, row, code) => {
    await expect(prepared([row])).rejects.toMatchObject({ code })
  })
})
