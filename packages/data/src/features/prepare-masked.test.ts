import { describe, expect, it } from 'vitest'
import { mostMasked } from '../collate/masked-collator.js'
import { loadDataset } from '../dataset/load-dataset.js'
import { tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { type MaskedOptions, prepareMasked } from './prepare-masked.js'

async function prepared(rows: readonly object[], options: MaskedOptions = {}) {
  const examples = await prepareMasked(
    loadDataset(rows as Record<string, unknown>[]),
    async () => tinyTokenizer(),
    options,
  )
  return { examples, first: await examples.example(0) }
}

describe('prepareMasked', () => {
  it('tokenizes and cuts texts, and has room for what is drawn', async () => {
    const { inputIds } = tinyTokenizer().encode('abcdef')
    const { examples, first } = await prepared([{ text: 'abcdef' }], { maxLength: 4, mlmProbability: 0.5 })
    expect(first.inputIds).toEqual(inputIds.slice(0, 4))
    expect(first.labels).toBeUndefined()
    expect([...examples.counts]).toEqual([mostMasked(4, 0.5)])
    expect(examples.warnings).toEqual(['1 of 1 rows are cut to maxLength 4; the longest has 6 tokens'])
  })

  it('takes rows of ids, whose labels count as they are given', async () => {
    const { examples, first } = await prepared([
      { input_ids: [5, 6, 7], labels: [-100, 9, 8] },
      { input_ids: [5, 6], token_type_ids: [0, 1] },
    ])
    expect(first).toMatchObject({ inputIds: [5, 6, 7], labels: [-100, 9, 8] })
    expect(await examples.example(1)).toEqual({ inputIds: [5, 6], attentionMask: [1, 1], tokenTypeIds: [0, 1] })
    expect([...examples.counts]).toEqual([2, mostMasked(2, 0.15)])
    expect(examples.haveTokenTypes).toBe(true)
  })

  it('refuses labels of another length, and rows without text', async () => {
    await expect(prepared([{ input_ids: [5, 6], labels: [1] }])).rejects.toMatchObject({ code: 'data.row' })
    await expect(prepared([{ other: 1 }])).rejects.toMatchObject({ code: 'data.shape' })
  })
})
