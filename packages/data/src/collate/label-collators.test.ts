import { describe, expect, it } from 'vitest'
import {
  DataCollatorForSeq2Seq,
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
} from './label-collators.js'

const shape = { rows: 3, length: 4, countedSize: 16 }
const dataOf = (feeds: ReturnType<DataCollatorWithPadding['collate']>['feeds']) =>
  Object.fromEntries(Object.entries(feeds).map(([name, { shape, data }]) => [name, [shape.join('x'), ...data]]))

describe('DataCollatorWithPadding', () => {
  const collator = new DataCollatorWithPadding({ padId: 9, tokenTypes: true })

  it('fills rows and whole rows up; those see one token and do not count', () => {
    const rows = [
      { inputIds: [1, 2, 3], tokenTypeIds: [0, 1, 1], labels: 2 },
      { inputIds: [4], tokenTypeIds: [0], labels: 1 },
    ]
    const { feeds, count, tokens } = collator.collate(rows, shape)
    expect(dataOf(feeds)).toEqual({
      input_ids: ['3x4', 1, 2, 3, 9, 4, 9, 9, 9, 9, 9, 9, 9],
      attention_mask: ['3x4', 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0],
      token_type_ids: ['3x4', 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      labels: ['3', 2, 1, 0],
      label_weights: ['3', 1, 1, 0],
    })
    expect([count, tokens]).toEqual([2, 4])
  })

  it('gives token types where they are wanted alone, 0 for rows without', () => {
    const typed = { inputIds: [1, 2], tokenTypeIds: [0, 1], labels: 0 }
    const rows = [{ inputIds: [3], labels: 1 }, typed]
    expect(dataOf(collator.collate(rows, shape).feeds).token_type_ids).toEqual([
      '3x4',
      0,
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
    ])
    expect(new DataCollatorWithPadding({ padId: 9 }).collate([typed], shape).feeds).not.toHaveProperty('token_type_ids')
  })

  it('gives the same feeds for no rows, of padding alone', () => {
    const specs = (rows: Parameters<typeof collator.collate>[0]) =>
      Object.entries(collator.collate(rows, shape).feeds).map(([name, { dtype, shape }]) => [name, dtype, ...shape])
    expect(specs([])).toEqual(specs([{ inputIds: [1], labels: 0 }]))
    expect(collator.collate([], shape).count).toBe(0)
  })

  it('refuses rows without room', () => {
    const row = { inputIds: [1, 2, 3, 4, 5], labels: 0 }
    for (const rows of [[row], new Array(4).fill({ inputIds: [1], labels: 0 })])
      expect(() => collator.collate(rows, shape)).toThrow(expect.objectContaining({ code: 'shape.mismatch' }))
  })
})

describe('DataCollatorForTokenClassification', () => {
  it('has a label per token, and counts those that are not -100', () => {
    const rows = [{ inputIds: [1, 2, 3], labels: [-100, 2, 1] }]
    const { feeds, count } = new DataCollatorForTokenClassification({ padId: 0 }).collate(rows, { ...shape, rows: 1 })
    expect(dataOf(feeds)).toMatchObject({ labels: ['1x4', 0, 2, 1, 0], label_weights: ['1x4', 0, 1, 1, 0] })
    expect(count).toBe(2)
  })
})

describe('DataCollatorForSeq2Seq', () => {
  const collator = new DataCollatorForSeq2Seq({ padId: 9 })

  it('fills what is read and what is written up by themselves', () => {
    const rows = [
      { inputIds: [1, 2, 3], labels: [5] },
      { inputIds: [4], labels: [6, -100, 7] },
    ]
    const { feeds, count } = collator.collate(rows, { ...shape, rows: 2 })
    expect(dataOf(feeds)).toMatchObject({
      input_ids: ['2x4', 1, 2, 3, 9, 4, 9, 9, 9],
      attention_mask: ['2x4', 1, 1, 1, 0, 1, 0, 0, 0],
      labels: ['2x4', 5, 0, 0, 0, 6, 0, 7, 0],
      label_weights: ['2x4', 1, 0, 0, 0, 1, 0, 1, 0],
    })
    expect(count).toBe(3)
  })

  it('refuses labels without room', () => {
    const row = { inputIds: [1], labels: [1, 2, 3, 4, 5] }
    expect(() => collator.collate([row], shape)).toThrow(expect.objectContaining({ code: 'shape.mismatch' }))
  })
})
