/** Packed rows: their ids, labels and counts, and the feeds that they become. */
import { describe, expect, it } from 'vitest'
import { causalFeeds, collateCausal } from '../collate/causal-batch.js'
import type { Examples } from '../collate/data-collator.js'
import type { SupervisedExample } from '../sft/prepare.js'
import { packingStrategies } from './pack-sequences.js'
import { packExamples } from './packed-examples.js'

const IGNORED = -100
const rows: readonly SupervisedExample[] = [
  [[1, 2, 3, 4, 5], 2],
  [[6, 7, 8], 0],
  [[9, 10, 11, 12, 13, 14, 15], 5],
  [[16, 17], 2],
].map(([ids, from]) => ({
  inputIds: Int32Array.from(ids as number[]),
  labels: Int32Array.from(ids as number[], (id, i) => (i < (from as number) ? IGNORED : id)),
}))

const data: Examples<SupervisedExample> = {
  length: rows.length,
  lengths: Int32Array.from(rows, ({ inputIds }) => inputIds.length),
  counts: Int32Array.from(rows, ({ labels }) => labels.subarray(1).filter((label) => label !== IGNORED).length),
  example: (index) => Promise.resolve(rows[index] as SupervisedExample),
}

describe.each(packingStrategies)('%s', (strategy) => {
  it('counts what a batch of its rows counts', async () => {
    for (const maxLength of [4, 7, 8, 20]) {
      const packed = await packExamples(data, { maxLength, strategy })
      for (let row = 0; row < packed.length; row++) {
        const example = await packed.example(row)
        const shape = { rows: 1, length: maxLength, countedSize: 20, padId: 0, packed: true }
        const { countedCount, tokenCount } = collateCausal([example], shape)
        expect([countedCount, tokenCount]).toEqual([packed.counts[row], packed.lengths[row]])
      }
    }
  })
})

it('puts documents behind one another, and keeps their labels', async () => {
  const packed = await packExamples(data, { maxLength: 8 })
  expect([...packed.lengths]).toEqual([7, 8, 2])
  const { inputIds, labels, seqLengths } = await packed.example(1)
  expect([...inputIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect([...labels]).toEqual([IGNORED, IGNORED, 3, 4, 5, 6, 7, 8])
  expect(seqLengths).toEqual([5, 3])
})

it('feeds places that start again, and numbers of documents; nothing predicts a first token', async () => {
  const packed = await packExamples(data, { maxLength: 8 })
  const batch = collateCausal([await packed.example(1), await packed.example(2)], {
    rows: 2,
    length: 10,
    countedSize: 8,
    padId: 0,
    packed: true,
  })
  const { position_ids: positions, document_ids: documents } = causalFeeds(batch)
  expect([...(positions?.data ?? [])]).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  expect([...(documents?.data ?? [])]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  expect([...batch.countedTargets.subarray(0, batch.countedCount)]).toEqual([3, 4, 5, 7, 8])
  expect([...batch.countedIndices.subarray(0, batch.countedCount)]).toEqual([1, 2, 3, 5, 6])
})

it('wraps into one stretch: what a row’s first document ends with predicts the next', async () => {
  const packed = await packExamples(data, { maxLength: 8, strategy: 'wrapped' })
  const { inputIds, seqLengths } = await packed.example(0)
  expect([...inputIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(seqLengths).toBeUndefined()
  expect(packed.counts[0]).toBe(6)
})
