import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadDataset } from '../dataset/load-dataset.js'
import { tinyTokenizer, tinyTokenizerJson, tinyTokenizerTexts } from '../fixtures/tiny-tokenizer.js'
import { Tokenizer } from '../tokenizer/tokenizer.js'
import { type FeatureOptions, prepareFeatures } from './prepare-features.js'

async function featuresOf(row: object, tokenizer: Tokenizer, options: Partial<FeatureOptions> = {}) {
  const all = { labels: 'token', labelCount: 9, ...options } as const
  const examples = await prepareFeatures(loadDataset([row as Record<string, unknown>]), async () => tokenizer, all)
  return { features: await examples.example(0), warnings: examples.warnings }
}

// Ends every text with `<eos>`, and begins it with `<pad>`.
const framed = () => {
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
  const json = {
    ...tinyTokenizerJson(),
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('<pad>'), { Sequence: { id: 'A', type_id: 0 } }, token('<eos>')],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: {
        '<pad>': { id: '<pad>', ids: [0], tokens: ['<pad>'] },
        '<eos>': { id: '<eos>', ids: [1], tokens: ['<eos>'] },
      },
    },
  }
  return Tokenizer.fromTexts(tinyTokenizerTexts({}, json))
}

describe('wordFeatures', () => {
  it("tokenizes words as transformers' is_split_into_words, and labels the first id of each", async () => {
    const file = (name: string) =>
      readFileSync(
        fileURLToPath(
          new URL(`../../../../tools/fixtures/subset/data/tokenizers/bytelevel-bpe/${name}`, import.meta.url),
        ),
        'utf8',
      )
    const names = ['tokenizer.json', 'tokenizer_config.json']
    const tokenizer = Tokenizer.fromTexts(new Map(names.map((name) => [name, file(name)])))
    const tokens = ['Hello', 'unbelievable', 'worlds', '!', 'naïve']
    const { features } = await featuresOf({ tokens, labels: [1, 2, 3, 4, 5] }, tokenizer)
    // Ids and word_ids of transformers 5.18.
    const ids = [42, 390, 357, 300, 68, 390, 75, 478, 67, 68, 288, 415, 84, 464, 85, 3, 80, 67, 130, 110, 88, 71]
    const starts = new Map([
      [0, 1],
      [3, 2],
      [11, 3],
      [15, 4],
      [16, 5],
    ])
    expect(features.inputIds).toEqual(ids)
    expect(features.labels).toEqual(ids.map((_, i) => starts.get(i) ?? -100))
  })

  it('puts words between the special tokens, which do not count, and cuts the words alone', async () => {
    const tokenizer = framed()
    const word = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).inputIds
    const row = { tokens: ['ab', 'c'], ner_tags: ['B', 2] }
    const whole = await featuresOf(row, tokenizer, { labelIds: { B: 7 } })
    expect(whole.features).toMatchObject({
      inputIds: [0, ...word('ab'), ...word('c'), 1],
      attentionMask: [1, 1, 1, 1, 1],
      labels: [-100, 7, -100, 2, -100],
    })
    const { features, warnings } = await featuresOf(row, tokenizer, { labelIds: { B: 7 }, maxLength: 4 })
    expect(features).toMatchObject({ inputIds: [0, ...word('ab'), 1], labels: [-100, 7, -100, -100] })
    expect(warnings).toEqual(['1 of 1 rows are cut to maxLength 4; the longest has 5 tokens'])
  })

  it('refuses words without a label each, and what is no text', async () => {
    for (const row of [
      { tokens: ['a', 'b'], labels: [1] },
      { tokens: ['a', 3], labels: [1, 2] },
      { tokens: 'a', labels: [1] },
    ])
      await expect(featuresOf(row, tinyTokenizer())).rejects.toMatchObject({ code: 'data.row' })
  })
})
