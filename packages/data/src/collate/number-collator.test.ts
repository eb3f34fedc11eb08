import { describe, expect, it } from 'vitest'
import { DataCollatorForNumbers } from './number-collator.js'

const shape = { rows: 3, length: 2, countedSize: 0 }
const rows = [
  { inputIds: [5, 6], labels: [1, 0] },
  { inputIds: [7], labels: [0.5, 1] },
]

describe('DataCollatorForNumbers', () => {
  it.each(['label_values', 'label_flags'] as const)('feeds a number for each label as %s, and counts rows', (feed) => {
    const { feeds, count, tokens } = new DataCollatorForNumbers({ padId: 0, labelCount: 2, feed }).collate(rows, shape)
    expect([feeds[feed]?.dtype, ...(feeds[feed]?.shape ?? [])]).toEqual(['f32', 3, 2])
    expect([...(feeds[feed]?.data ?? [])]).toEqual([1, 0, 0.5, 1, 0, 0])
    expect([...(feeds.label_weights?.data ?? [])]).toEqual([1, 1, 0])
    expect(feeds).not.toHaveProperty('labels')
    expect([count, tokens]).toEqual([2, 3])
  })

  it('gives the same feeds for no rows', () => {
    const collator = new DataCollatorForNumbers({ padId: 0, labelCount: 2, feed: 'label_values' })
    expect(Object.keys(collator.collate([], shape).feeds)).toEqual(Object.keys(collator.collate(rows, shape).feeds))
  })

  it('refuses rows with other labels', () => {
    const collator = new DataCollatorForNumbers({ padId: 0, labelCount: 2, feed: 'label_values' })
    for (const labels of [1, [1, 2, 3]])
      expect(() => collator.collate([{ inputIds: [1], labels }], shape)).toThrow(
        expect.objectContaining({ code: 'data.row' }),
      )
  })

  it('takes any values, and flags from 0 to 1', () => {
    const collate = (feed: 'label_values' | 'label_flags') =>
      new DataCollatorForNumbers({ padId: 0, labelCount: 2, feed }).collate([{ inputIds: [1], labels: [0, 2] }], shape)
    expect([...(collate('label_values').feeds.label_values?.data ?? [])].slice(0, 2)).toEqual([0, 2])
    expect(() => collate('label_flags')).toThrow(expect.objectContaining({ code: 'data.row' }))
  })
})
