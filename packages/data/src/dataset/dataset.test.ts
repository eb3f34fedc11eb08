import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { codeOf } from '../fixtures/tiny-tokenizer.js'
import { concatenateDatasets } from './concatenate-datasets.js'
import type { Dataset } from './dataset.js'
import { loadDataset } from './load-dataset.js'

interface Numbered {
  readonly n: number
}

const folder = mkdtempSync(join(tmpdir(), 'espalier-views-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const numbers = (count: number, from = 0): Numbered[] => Array.from({ length: count }, (_, i) => ({ n: from + i }))
const path = join(folder, 'numbers.jsonl')
writeFileSync(
  path,
  numbers(10)
    .map((row) => JSON.stringify(row))
    .join('\n'),
)

/** Ten rows from each kind of source. */
const sources: Readonly<Record<string, () => Dataset<Numbered>>> = {
  file: () => loadDataset<Numbered>(path),
  array: () => loadDataset(numbers(10)),
  generator: () =>
    loadDataset<Numbered>(
      (async function* () {
        yield* numbers(10)
      })(),
    ),
}

async function all<Row>(dataset: Dataset<Row>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of dataset) rows.push(row)
  return rows
}

const ns = async (dataset: Dataset<Numbered>) => (await all(dataset)).map(({ n }) => n)

describe.each(Object.entries(sources))('rows of a %s', (kind, open) => {
  it('are mapped as in Python: columns are updated, or removed', async () => {
    const mapped = open().map(({ n }, index) => ({ square: n * n, index }))
    expect((await all(mapped))[3]).toEqual({ n: 3, square: 9, index: 3 })
    const replaced = open().map(async ({ n }) => ({ text: `${n}` }), { removeColumns: ['n'] })
    expect((await all(replaced))[3]).toEqual({ text: '3' })
    expect(await ns(open().map(({ n }) => (n > 0 ? { n: -n } : undefined)))).toEqual([
      0,
      ...numbers(9, 1).map(({ n }) => -n),
    ])
  })

  it('are filtered, by content and number', async () => {
    expect(await ns(open().filter(({ n }) => n > 7))).toEqual([8, 9])
    expect(await ns(open().filter(async (_, index) => index < 2))).toEqual([0, 1])
  })

  it('are selected in any order, any number of times', async () => {
    const selected = open().select([9, 0, 9])
    expect(await ns(selected)).toEqual([9, 0, 9])
    expect(await ns(selected)).toEqual([9, 0, 9])
    expect(await ns(open().select([]))).toEqual([])
  })

  it('are shuffled, by seed', async () => {
    const shuffled = await ns(open().shuffle({ seed: 1 }))
    expect([...shuffled].sort()).toEqual(numbers(10).map(({ n }) => n))
    expect(await ns(open().shuffle({ seed: 1 }))).toEqual(shuffled)
    expect(await ns(open().shuffle({ seed: 2 }))).not.toEqual(shuffled)
    const drawn = open().shuffle()
    expect(await ns(drawn)).toEqual(await ns(drawn))
  })

  it('are split in two parts, by the rules of scikit-learn', async () => {
    const split = open().trainTestSplit({ testSize: 0.25, seed: 3 })
    const [train, test] = [await ns(split.train), await ns(split.test)]
    expect([train.length, test.length]).toEqual([7, 3])
    expect([...train, ...test].sort()).toEqual(numbers(10).map(({ n }) => n))
    const ordered = open().trainTestSplit({ testSize: 2, trainSize: 3, shuffle: false })
    expect(await ns(ordered.train)).toEqual([0, 1, 2])
    expect(await ns(ordered.test)).toEqual([3, 4])
    expect(await open().trainTestSplit({ trainSize: 0.55 }).train.numRows()).toBe(5)
    expect(await open().trainTestSplit().test.numRows()).toBe(3)
  })

  it('are counted and concatenated', async () => {
    expect(await open().numRows()).toBe(10)
    const both = concatenateDatasets([open().filter(({ n }) => n > 8), loadDataset(numbers(2, 20))])
    expect(await ns(both)).toEqual([9, 20, 21])
    expect(both.isRereadable).toBe(kind !== 'generator')
  })

  it('keep their places and labels through whatever is made of them', async () => {
    const made = concatenateDatasets([open(), loadDataset(numbers(5, 10))])
      .filter(({ n }) => n % 2 === 1)
      .shuffle({ seed: 5 })
      .select([6, 0])
      .map(({ n }, index) => ({ n: n + 100 * index }))
    const placed = []
    for await (const row of made.placedRows()) placed.push(row)
    expect(made.isRereadable).toBe(true)
    expect(await Promise.all(placed.map(({ place }) => made.readAgain(place)))).toEqual(placed.map(({ row }) => row))
    const first = await open()
      .filter(({ n }) => n === 4)
      .placedRows()
      [Symbol.asyncIterator]()
      .next()
    expect(first.value.label).toBe(kind === 'file' ? 'numbers.jsonl:5' : 'row 5')
  })
})

describe.each(['array', '.json file'])('rows held in memory, of an %s', (kind) => {
  const jsonPath = join(folder, 'nested.json')
  const given = () => [{ n: 1, parts: [{ text: 'a' }], ids: Int32Array.of(1) }]
  const open = (rows = given()) => {
    if (kind === 'array') return loadDataset(rows)
    writeFileSync(jsonPath, JSON.stringify(rows))
    return loadDataset<(typeof rows)[number]>(jsonPath)
  }

  it('stay as they are, whatever a function does with the row that it is given', async () => {
    const rows = given()
    const change = (row: (typeof rows)[number]) => {
      row.n += 1
      row.parts.push({ text: 'b' })
      row.ids[0] = 5
      return row
    }
    const mapped = open(rows).map(change)
    const changed = { n: 2, parts: [{ text: 'a' }, { text: 'b' }] }
    for (let pass = 0; pass < 2; pass++) expect(await all(mapped)).toMatchObject([changed])
    expect(await all(mapped.shuffle())).toMatchObject([changed])
    const dataset = open(rows)
    expect(await all(dataset.filter(change))).toHaveLength(1)
    for await (const row of dataset) change(row)
    expect(await all(dataset)).toMatchObject([{ n: 1, parts: [{ text: 'a' }] }])
    expect(rows).toEqual(given())
  })

  it('keep what a function changed in place beside what it returned, and lose it where it returned nothing, as in Python', async () => {
    const change = (row: { n: number }) => {
      row.n = 9
    }
    const kept = open().map((row) => {
      change(row)
      return { added: 1 }
    })
    expect(await all(kept)).toMatchObject([{ n: 9, added: 1 }])
    expect(await all(open().map((row) => change(row) as undefined))).toMatchObject([{ n: 1 }])
  })
})

describe('a data set refuses', () => {
  const rows = loadDataset(numbers(4))

  it('options that do not exist, and functions that are none', async () => {
    const unknown = { remove_columns: ['n'] } as object
    expect(() => rows.map((row) => row, unknown)).toThrow('Did you mean removeColumns?')
    expect(() => rows.shuffle({ sed: 1 } as object)).toThrow(expect.objectContaining({ code: 'config.unknown' }))
    expect(() => rows.trainTestSplit({ test_size: 1 } as object)).toThrow('Did you mean testSize?')
    for (const call of [() => rows.map('n' as never), () => rows.filter(undefined as never)])
      expect(call).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('numbers that no row has', async () => {
    for (const index of [-1, 0.5, '1' as unknown as number])
      expect(() => rows.select([index])).toThrow(expect.objectContaining({ code: 'config.value' }))
    expect(await codeOf(() => all(rows.select([4])))).toBe('config.value')
  })

  it('numbers and sets that are not in a list', () => {
    const refused: readonly (readonly [() => unknown, string])[] = [
      [() => rows.select(2 as never), 'select([2])'],
      [() => rows.select(undefined as never), 'select([0, 1])'],
      [() => rows.select('12' as never), 'select([0, 1])'],
      [() => concatenateDatasets(rows as never), 'concatenateDatasets([a, b])'],
      [() => (concatenateDatasets as (...sets: unknown[]) => unknown)(rows, rows), 'concatenateDatasets([a, b])'],
      [() => concatenateDatasets([rows, numbers(2)] as never), 'loadDataset(rows)'],
      [() => concatenateDatasets(['a.jsonl'] as never), "loadDataset('a.jsonl')"],
      [() => concatenateDatasets([rows, Promise.resolve(rows)] as never), 'await'],
    ]
    for (const [call, fix] of refused) {
      expect(call).toThrow(expect.objectContaining({ code: 'config.value' }))
      expect(call).toThrow(fix)
    }
  })

  it('splits with a part that is empty', async () => {
    for (const testSize of [0, -1, 1.5, Number.NaN])
      expect(() => rows.trainTestSplit({ testSize })).toThrow(expect.objectContaining({ code: 'config.value' }))
    for (const sizes of [{ testSize: 0.99 }, { testSize: 4 }, { trainSize: 0.1 }, { trainSize: 3, testSize: 2 }])
      expect(await codeOf(() => all(rows.trainTestSplit(sizes).train))).toBe('config.value')
  })

  it('what is no row, and columns that are not there', async () => {
    for (const wrong of [5, [1]])
      expect(await codeOf(() => all(rows.map(() => wrong as unknown as Numbered)))).toBe('data.row')
    const columns = ['m'] as unknown as ['n']
    expect(await codeOf(() => all(rows.map((row) => row, { removeColumns: columns })))).toBe('data.shape')
  })

  it('to concatenate nothing, or sets that name their columns differently', () => {
    const named = loadDataset(numbers(1), { textField: 'n' })
    for (const sets of [[], [rows, named]])
      expect(() => concatenateDatasets(sets)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
