import { describe, expect, it } from 'vitest'
import { loadDataset } from '../dataset/load-dataset.js'
import { findLabels } from './find-labels.js'

const found = (labels: readonly unknown[], options = {}) =>
  findLabels([loadDataset(labels.map((label) => ({ text: 'a', label })))], options)

describe('findLabels', () => {
  it('takes texts for names, each once and in the order of Python, and numbers in texts for numbers', async () => {
    expect(await found(['pos', 'neg', 'pos', '2'])).toEqual({
      kind: 'one',
      count: 3,
      names: ['2', 'neg', 'pos'],
      unused: 0,
    })
    // sorted(['\U0001f600', '\uff5e', 'a', 'aa']) of Python 3
    const order = ['a', 'aa', '\uff5e', '\u{1f600}']
    expect((await found([...order].reverse()))?.names).toEqual(order)
    expect(await found(['0', '1', 1])).toEqual({ kind: 'one', count: 2, names: null, unused: 0 })
  })

  it('takes whole numbers for places, others for numbers to learn, lists for labels that may hold at once', async () => {
    expect(await found([0, 4, 2])).toEqual({ kind: 'one', count: 5, names: null, unused: 2 })
    expect(await found([0, 4.5, 2_000_000])).toEqual({ kind: 'numbers', count: 1, names: null, unused: 0 })
    expect(await found(['1.5', '2'])).toMatchObject({ kind: 'numbers' })
    expect(await found([[1, 0, 1]])).toEqual({ kind: 'several', count: 3, names: null, unused: 0 })
  })

  it('finds those of words, and of all data sets', async () => {
    const words = (key: string, ...lists: unknown[]) =>
      loadDataset(lists.map((list) => ({ tokens: ['a'], [key]: list })))
    const sets = [words('labels', ['O', 'B-PER']), words('ner_tags', ['B-LOC'])]
    expect(await findLabels(sets, { of: 'token' })).toMatchObject({ names: ['B-LOC', 'B-PER', 'O'] })
    expect(await findLabels([words('ner_tags', [0, -100, 6])], { of: 'token' })).toMatchObject({
      count: 7,
      names: null,
    })
  })

  it('finds none where there are none, and refuses a number that can be no place', async () => {
    expect(await found([undefined, null, -100])).toBeUndefined()
    await expect(found([1, 20_240_101])).rejects.toMatchObject({ code: 'data.row', details: { label: 20_240_101 } })
  })

  it('takes blank texts for no labels, and for numbers only what is written with decimal digits', async () => {
    expect(await found(['pos', '', ' ', 'neg'])).toMatchObject({ count: 2, names: ['neg', 'pos'] })
    expect(await found(['', ' '])).toBeUndefined()
    expect(await found(['0x1', '0b1', 'Infinity'])).toMatchObject({ names: ['0b1', '0x1', 'Infinity'] })
    expect(await found([' 1 ', '+0'])).toMatchObject({ count: 2, names: null })
    expect(await found(['-1.5e0', '.5', '2.'])).toMatchObject({ kind: 'numbers' })
  })

  it('counts the places that no row has', async () => {
    expect(await found([1, 2, 7, 7])).toEqual({ kind: 'one', count: 8, names: null, unused: 5 })
  })

  it('refuses lists that are no flags, naming the row', async () => {
    for (const list of [[0, 2], [1, -1], [], ['a', 'b'], [1, null]])
      await expect(found([[1, 0], list]), JSON.stringify(list)).rejects.toMatchObject({
        code: 'data.row',
        details: { row: expect.stringContaining('2'), label: list },
        fix: expect.stringContaining('1 where it holds'),
      })
  })
})
