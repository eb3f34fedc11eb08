import { describe, expect, it } from 'vitest'
import { loadDataset } from '../dataset/load-dataset.js'
import { tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { describeAnswers, describeLabels, describeMasked, describeSeq2Seq, describeWords } from './describe-rows.js'
import { prepareAnswers } from './prepare-answers.js'
import { prepareFeatures } from './prepare-features.js'
import { prepareMasked } from './prepare-masked.js'
import { prepareSeq2Seq } from './prepare-seq2seq.js'

const texts = { tokenizer: tinyTokenizer(), labelName: (label: number) => `L${label}` }
const tokenizer = async () => tinyTokenizer()
const rows = (...all: readonly object[]) => loadDataset(all as Record<string, unknown>[])
const features = (labels: 'row' | 'numbers' | 'token', labelCount: number, ...all: readonly object[]) =>
  prepareFeatures(rows(...all), tokenizer, { labels, labelCount, maxLength: 4 })

describe('what rows hold', () => {
  it('is how often each label is there, and how many rows were cut', async () => {
    const examples = await features(
      'row',
      3,
      { text: 'abcdef', label: 2 },
      { text: 'ab', label: 0 },
      { text: 'b', label: 2 },
    )
    expect(await describeLabels(examples, texts, 'one')).toEqual([
      'rows: 3 kept, 0 dropped, 1 truncated (longest 4 tokens)',
      'labels: L2 2, L0 1; 0 rows without any',
      'example (trained between [[ and ]]):',
      'abcd → [[L2]]',
    ])
  })

  it('is which labels hold at once, and between what numbers lie', async () => {
    const flags = await features('numbers', 3, { text: 'ab', label: [1, 0, 1] }, { text: 'ab', label: [0, 0, 0] })
    const [, held, , example] = await describeLabels(flags, texts, 'several')
    expect([held, example]).toEqual(['labels: L0 1, L2 1; 1 rows without any', 'ab → [[L0, L2]]'])
    const numbers = await features('numbers', 1, { text: 'ab', label: 0.5 }, { text: 'ab', label: -2 })
    const [, values] = await describeLabels(numbers, { ...texts, tokenizer: undefined }, 'numbers')
    expect(values).toBe('labels: numbers from -2 to 0.5, -0.75 on average')
  })

  it('is how many tokens are learnt', async () => {
    const words = await features('token', 2, { tokens: ['ab', 'c'], labels: [1, 0] })
    const [, supervised, labels] = await describeWords(words, texts)
    const tokens = words.lengths[0]
    const share = ((100 * 2) / (tokens as number)).toFixed(1)
    expect(supervised).toBe(`supervised tokens: 2 of ${tokens} (${share} %), the first of each word`)
    expect(labels).toBe('labels: L0 1, L1 1; 0 rows without any')
    const masked = await prepareMasked(rows({ text: 'abcd' }), tokenizer)
    expect((await describeMasked(masked, texts))[1]).toMatch(/^supervised tokens: about 15 % of \d+, chosen anew/)
    const written = await prepareSeq2Seq(rows({ prompt: 'ab', completion: 'c' }), tokenizer)
    expect((await describeSeq2Seq(written, texts))[1]).toMatch(
      /^supervised tokens: \d to write for \d that are read, 0/,
    )
  })

  it('is how many windows have an answer', async () => {
    const answers = { text: ['b'], answer_start: [1] }
    const none = { text: [], answer_start: [] }
    const asked = rows({ question: 'a', context: 'abc', answers }, { question: 'a', context: 'abc', answers: none })
    const lines = await describeAnswers(await prepareAnswers(asked, tokenizer))
    expect(lines.slice(1)).toEqual([
      'answers: 1 of 2 windows have one, 1 rows have none',
      'example (trained between [[ and ]]):',
      'a a[[b]]c',
    ])
  })
})
