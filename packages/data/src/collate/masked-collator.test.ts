import { describe, expect, it } from 'vitest'
import { DataCollatorForLanguageModeling, type LanguageModelingOptions, mostMasked } from './masked-collator.js'

const [MASK, VOCABULARY] = [103, 1000]
const collatorOf = (changes: Partial<LanguageModelingOptions> = {}) =>
  new DataCollatorForLanguageModeling({
    padId: 0,
    maskTokenId: MASK,
    vocabularySize: VOCABULARY,
    specialTokenIds: new Set([0, 101, 102, MASK]),
    seed: 7,
    ...changes,
  })

// Ids that no replacement equals by chance often: two special ones at the ends.
const row = (length: number) => ({
  inputIds: [101, ...Array.from({ length: length - 2 }, (_, i) => 200 + (i % 700)), 102],
})
const LENGTH = 400
const rows = Array.from({ length: 50 }, () => row(LENGTH))
const shape = { rows: 50, length: LENGTH, countedSize: 50 * mostMasked(LENGTH, 0.15) }

/** What became of the ids of a batch. */
function masked(collator: DataCollatorForLanguageModeling, draw = '0.0') {
  const { feeds, count } = collator.collate(rows, shape, draw)
  const [ids, indices, targets] = ['input_ids', 'counted_indices', 'counted_targets'].map((name) => [
    ...(feeds[name]?.data ?? []),
  ]) as [number[], number[], number[]]
  const items = indices
    .slice(0, count)
    .map((index, i) => ({ id: ids[index] as number, target: targets[i] as number, index }))
  return { feeds, count, ids, items }
}

describe('DataCollatorForLanguageModeling', () => {
  it('is to find 15 % of the ids: 80 % hidden, 10 % replaced, the rest as they are', () => {
    const { items, count } = masked(collatorOf())
    const all = 50 * (LENGTH - 2)
    // Four deviations of a share of n draws: 4 * sqrt(p (1 - p) / n).
    const near = (share: number, of: number) => 4 * Math.sqrt((share * (1 - share)) / of)
    expect(Math.abs(count / all - 0.15)).toBeLessThan(near(0.15, all))
    const hidden = items.filter(({ id }) => id === MASK).length
    const kept = items.filter(({ id, target }) => id === target).length
    expect(Math.abs(hidden / count - 0.8)).toBeLessThan(near(0.8, count))
    expect(Math.abs(kept / count - 0.1)).toBeLessThan(near(0.1, count) + 1 / VOCABULARY)
    expect(new Set(items.map(({ id }) => id)).size).toBeGreaterThan(100) // replaced by many different ids
  })

  it('never masks special tokens, tells the ids that were there, and leaves all others as they are', () => {
    const { items, ids } = masked(collatorOf())
    const given = rows.flatMap(({ inputIds }) => inputIds)
    for (const { index, target } of items) expect(target).toBe(given[index])
    expect(items.some(({ target }) => target < 200)).toBe(false)
    const touched = new Set(items.map(({ index }) => index))
    expect(ids.every((id, i) => touched.has(i) || id === given[i])).toBe(true)
  })

  it('gives the same feeds for the same draw, and others for another one or another seed', () => {
    const indices = (seed: number, draw: string) => masked(collatorOf({ seed }), draw).items
    expect(indices(1, '3.0')).toEqual(indices(1, '3.0'))
    expect(indices(1, '3.1')).not.toEqual(indices(1, '3.0'))
    expect(indices(2, '3.0')).not.toEqual(indices(1, '3.0'))
  })

  it('takes rows with labels as they are', () => {
    const given = [{ inputIds: [101, MASK, 7, 102], labels: [-100, 5, -100, -100] }]
    const { feeds, count } = collatorOf().collate(given, { rows: 2, length: 5, countedSize: 3 })
    expect(count).toBe(1)
    expect([...(feeds.input_ids?.data ?? [])]).toEqual([101, MASK, 7, 102, 0, 0, 0, 0, 0, 0])
    expect([...(feeds.counted_indices?.data ?? [])]).toEqual([1, 0, 0])
    expect([...(feeds.counted_targets?.data ?? [])]).toEqual([5, 0, 0])
    expect([...(feeds.counted_weights?.data ?? [])]).toEqual([1, 0, 0])
    expect(Object.keys(feeds)).not.toContain('labels')
  })

  it('gives the same feeds for no rows, of padding alone', () => {
    const names = (batch: ReturnType<DataCollatorForLanguageModeling['collate']>) =>
      Object.entries(batch.feeds).map(([name, { dtype, shape: own }]) => [name, dtype, ...own])
    const collator = collatorOf()
    expect(names(collator.collate([], shape))).toEqual(names(collator.collate(rows, shape)))
    expect(collator.collate([], shape).count).toBe(0)
  })

  it.each([{ mlmProbability: 1.5 }, { maskReplaceProb: 0.8, randomReplaceProb: 0.3 }, { maskReplaceProb: -1 }])(
    'refuses %j',
    (changes) => expect(() => collatorOf(changes)).toThrow(expect.objectContaining({ code: 'config.value' })),
  )

  it('refuses more masked tokens than room', () => {
    const given = [{ inputIds: [1, 2], labels: [3, 4] }]
    expect(() => collatorOf().collate(given, { rows: 1, length: 2, countedSize: 1 })).toThrow(
      expect.objectContaining({ code: 'shape.mismatch' }),
    )
  })
})

describe('mostMasked', () => {
  it('is five deviations above the mean, and never more than all', () => {
    expect([mostMasked(5, 0.15), mostMasked(128, 0.15), mostMasked(10, 1), mostMasked(10, 0)]).toEqual([5, 40, 10, 0])
  })
})
