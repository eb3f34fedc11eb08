import { describe, expect, it } from 'vitest'
import { loadDataset } from '../dataset/load-dataset.js'
import { tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { type FeatureOptions, prepareFeatures } from './prepare-features.js'

async function prepared(rows: readonly object[], options: Partial<FeatureOptions> = {}) {
  const tokenizer = async () => tinyTokenizer()
  const all = { labels: 'row', labelCount: 3, ...options } as const
  const examples = await prepareFeatures(loadDataset(rows as Record<string, unknown>[]), tokenizer, all)
  return {
    examples,
    features: await Promise.all(Array.from({ length: examples.length }, (_, i) => examples.example(i))),
  }
}

describe('prepareFeatures', () => {
  it('tokenizes texts and pairs as the tokenizer does, cut to the longest', async () => {
    const pair = { sentence1: 'abc', sentence2: 'de', label: 0 }
    const { features, examples } = await prepared([{ text: 'abcdef', label: 2 }, pair], { maxLength: 4 })
    const want = (text: string | [string, string]) => tinyTokenizer().encode(text, { truncation: true, maxLength: 4 })
    expect(features[0]).toMatchObject({ inputIds: want('abcdef').inputIds, labels: 2 })
    expect(features[1]).toMatchObject({ inputIds: want(['abc', 'de']).inputIds, labels: 0 })
    expect([...examples.lengths]).toEqual(features.map(({ inputIds }) => inputIds.length))
    expect(examples.warnings).toEqual(['2 of 2 rows are cut to maxLength 4; the longest has 6 tokens'])
    expect([...examples.counts]).toEqual([0, 0]) // nothing is projected to the vocabulary
  })

  it('takes the column that the data set names for the text, also beside a pair', async () => {
    const row = { sentence: 'abc', sentence1: 'x', sentence2: 'y', label: 1 }
    const named = loadDataset([row], { textField: 'sentence' })
    const options = { labels: 'row', labelCount: 2 } as const
    const tokenizer = async () => tinyTokenizer()
    const examples = await prepareFeatures(named, tokenizer, options)
    expect((await examples.example(0)).inputIds).toEqual(tinyTokenizer().encode('abc').inputIds)
    const missing = loadDataset([{ text: 'abc', label: 1 }], { textField: 'sentence' })
    await expect(prepareFeatures(missing, tokenizer, options)).rejects.toMatchObject({ code: 'data.shape' })
  })

  it('takes tokenized rows under either spelling, without a tokenizer', async () => {
    const rows = [
      { input_ids: [1, 2], attention_mask: [1, 0], label: 1 },
      { inputIds: [3], labels: 0 },
    ]
    const { features, examples } = await prepared(rows)
    expect(features).toEqual([
      { inputIds: [1, 2], attentionMask: [1, 0], labels: 1 },
      { inputIds: [3], attentionMask: [1], labels: 0 },
    ])
    expect(examples.haveTokenTypes).toBe(false)
  })

  it('has token types where the row gives them, or the tokenizer does', async () => {
    const typed = { input_ids: [1, 2], token_type_ids: [0, 1], label: 1 }
    const { features, examples } = await prepared([{ input_ids: [3], label: 0 }, typed])
    expect(features.map(({ tokenTypeIds }) => tokenTypeIds)).toEqual([undefined, [0, 1]])
    expect(examples.haveTokenTypes).toBe(true)
    // The tiny tokenizer is GPT-2's kind, for which types would be tokens.
    expect(tinyTokenizer().givesTokenTypes).toBe(false)
    expect((await prepared([{ sentence1: 'abc', sentence2: 'de', label: 0 }])).examples.haveTokenTypes).toBe(false)
  })

  it('knows labels by number, by number in text, as CSV has it, and by name', async () => {
    const rows = [
      { text: 'a', label: 1 },
      { text: 'a', label: '2' },
      { text: 'a', label: 'no' },
    ]
    const { features } = await prepared(rows, { labelIds: { no: 0 } })
    expect(features.map(({ labels }) => labels)).toEqual([1, 2, 0])
  })

  it('takes labels of tokens, -100 among them, from tokenized rows alone', async () => {
    const { features } = await prepared([{ input_ids: [1, 2], labels: [-100, 2] }], { labels: 'token' })
    expect(features[0]?.labels).toEqual([-100, 2])
    await expect(prepared([{ text: 'a b', labels: [0, 1] }], { labels: 'token' })).rejects.toMatchObject({
      code: 'data.shape',
    })
  })

  it('refuses rows without what it needs, saying which', async () => {
    const refused = (row: object, code: string, options: Partial<FeatureOptions> = {}) =>
      expect(prepared([row], options), JSON.stringify(row)).rejects.toMatchObject({ code })
    await refused({ text: 'a', label: 3 }, 'data.row')
    await refused({ text: 'a', label: -100 }, 'data.row')
    await refused({ text: 'a', label: '' }, 'data.row')
    await refused({ text: 5, label: 1 }, 'data.row')
    await refused({ title: 'a', label: 1 }, 'data.shape')
    await refused({ input_ids: [], label: 1 }, 'data.row')
    await refused({ input_ids: [1, 2], attention_mask: [1], label: 1 }, 'data.row')
    await refused({ input_ids: [1, 2], labels: [1] }, 'data.row', { labels: 'token' })
    await refused({ input_ids: [1, 2], labels: [-100, -100] }, 'data.unsupervised', { labels: 'token' })
    await expect(prepared([])).rejects.toMatchObject({ code: 'data.empty' })
  })

  it('takes flags from 0 to 1 for labels that may hold at once, and any numbers to learn', async () => {
    for (const labels of ['flags', 'either'] as const) {
      const { features } = await prepared([{ text: 'a', label: [1, 0.5, '0'] }], { labels })
      expect(features[0]?.labels).toEqual([1, 0.5, 0])
      for (const list of [[0, 1, 2], [0, -1, 1], ['a', 'b', 'c'], []])
        await expect(prepared([{ text: 'a', label: list }], { labels })).rejects.toMatchObject({
          code: 'data.row',
          fix: expect.stringContaining('1 where it holds'),
        })
    }
    const { features } = await prepared([{ text: 'a', label: [7, -1, 2] }], { labels: 'numbers' })
    expect(features[0]?.labels).toEqual([7, -1, 2])
  })

  it('reads numbers in texts only where they have decimal digits', async () => {
    await expect(prepared([{ text: 'a', label: '0x1' }])).rejects.toMatchObject({ code: 'data.row' })
    await expect(prepared([{ text: 'a', label: '0x1' }], { labels: 'numbers', labelCount: 1 })).rejects.toMatchObject({
      code: 'data.row',
    })
  })
})
