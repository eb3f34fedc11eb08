import { expect, it } from 'vitest'
import { type DataToPrepare, prepareData } from './prepared-data.js'

const args = { maxSteps: 1, perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 1 }

/** Prepares one row of `length` tokens for a model of 64 positions that was trained for 12. */
function prepared(length: number) {
  const lengths = Int32Array.of(length)
  const examples = { length: 1, lengths, counts: lengths, example: async () => ({}) }
  const sizes = { maxPositions: 64, stretch: { from: 12, isReadAgain: false } }
  const task = { prepare: async () => examples, collator: async () => ({}) }
  return prepareData({ task, trainDataset: [], context: { args, model: { sizes } } } as unknown as DataToPrepare)
}

it('ends rows to train on, and their padding, where a model was trained before it was stretched', async () => {
  await expect(prepared(13)).rejects.toMatchObject({ code: 'config.value', details: { longest: 13, maxPositions: 12 } })
  const { plan } = (await prepared(11)).train
  expect(plan.shapes.map((shape) => shape.length)).toEqual([12])
})
