import { Random } from '@espalier/core'
import { describe, expect, test } from 'vitest'
import { loadDataset } from '../dataset/load-dataset.js'
import { codeOf, tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { prepareSft } from '../sft/prepare.js'
import { planBatches } from './batch-plan.js'
import { causalFeeds, collateCausal } from './causal-batch.js'
import { DataCollatorForCausalLM } from './causal-collator.js'
import { epochOrder, stepRowsOf, stepsPerEpoch } from './sampler.js'
import { splitStep } from './split-step.js'
import { type StepBatches, trainingSteps } from './training-steps.js'

/** Lengths like those of questions and answers: most near 150, a long tail. */
function naturalSizes(rows: number) {
  const normal = new Random(3).normal(rows, 0.45)
  const lengths = Int32Array.from(normal, (x) => Math.max(8, Math.round(150 * Math.exp(x))))
  return { lengths, counts: lengths.map((length) => Math.floor(length * 0.65)) }
}

describe('planBatches', () => {
  const sizes = naturalSizes(2000)
  const plan = planBatches({ ...sizes, stepRows: 8, tokensPerMicroBatch: 512 })

  test('finds few shapes that waste little padding', () => {
    expect(plan.shapes.length).toBeLessThanOrEqual(24)
    let [padded, real] = [0, 0]
    for (let start = 0; start < 2000; start += 8) {
      const rows = Int32Array.from({ length: 8 }, (_, i) => start + i)
      for (const { shape, rows: members } of splitStep(plan.shapes, rows, sizes)) {
        padded += shape.rows * shape.length
        real += members.reduce((sum, row) => sum + (sizes.lengths[row] as number), 0)
      }
    }
    expect(1 - real / padded).toBeLessThan(0.15)
  })

  test('every row of a step is in exactly one micro-batch that has room for it', () => {
    const rows = Int32Array.from({ length: 40 }, (_, i) => i * 7)
    const groups = splitStep(plan.shapes, rows, sizes)
    expect(groups.flatMap((group) => [...group.rows]).sort((a, b) => a - b)).toEqual([...rows])
    for (const { shape, rows: members } of groups) {
      expect(members.length).toBeLessThanOrEqual(shape.rows)
      expect(Math.max(...members.map((row) => sizes.lengths[row] as number))).toBeLessThanOrEqual(shape.length)
      expect(members.reduce((sum, row) => sum + (sizes.counts[row] as number), 0)).toBeLessThanOrEqual(
        shape.countedSize,
      )
    }
  })

  test('the same rows give the same plan', () => {
    expect(planBatches({ ...sizes, stepRows: 8, tokensPerMicroBatch: 512 })).toEqual(plan)
  })

  test('a short run compiles fewer shapes than a long one', () => {
    const shapesFor = (steps: number) => planBatches({ ...sizes, stepRows: 8, steps, maxShapes: 40 }).shapes.length
    const [one, some, many] = [shapesFor(1), shapesFor(25), shapesFor(1000)] as const
    expect(one).toBeLessThan(some)
    expect(some).toBeLessThan(many)
  })

  test('rows of one length need one shape that holds a step', () => {
    const lengths = new Int32Array(64).fill(256)
    const { shapes } = planBatches({ lengths, counts: new Int32Array(64).fill(255), stepRows: 4 })
    const groups = splitStep(shapes, Int32Array.of(0, 1, 2, 3), { lengths, counts: new Int32Array(64).fill(255) })
    expect(groups.map((group) => group.shape)).toEqual([{ rows: 4, length: 256, countedSize: 1024 }])
  })

  test('no rows, no counted positions and rows that fit no shape are handled', async () => {
    expect(planBatches({ lengths: [], counts: [], stepRows: 8 }).shapes).toHaveLength(1)
    const none = planBatches({ lengths: [5, 9], counts: [0, 0], stepRows: 2 })
    expect(splitStep(none.shapes, [0, 1], { lengths: [5, 9], counts: [0, 0] }).length).toBeGreaterThan(0)
    expect(await codeOf(() => splitStep(none.shapes, [0], { lengths: [500], counts: [0] }))).toBe('config.value')
    expect(await codeOf(() => planBatches({ lengths: [1], counts: [1], stepRows: 0 }))).toBe('config.value')
  })
})

describe('collateCausal', () => {
  const example = (ids: number[], from: number) => ({
    inputIds: Int32Array.from(ids),
    labels: Int32Array.from(ids, (id, i) => (i < from ? -100 : id)),
  })

  test('lists the positions before each counted label, and pads everything', () => {
    const batch = collateCausal([example([5, 6, 7, 8], 2), example([9, 4], 0)], {
      rows: 3,
      length: 6,
      countedSize: 5,
      padId: 1,
    })
    expect([...batch.inputIds]).toEqual([5, 6, 7, 8, 1, 1, 9, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    expect([...batch.countedIndices]).toEqual([1, 2, 6, 0, 0])
    expect([...batch.countedTargets]).toEqual([7, 8, 4, 0, 0])
    expect([...batch.countedWeights]).toEqual([1, 1, 1, 0, 0])
    expect(batch).toMatchObject({ tokenCount: 6, countedCount: 3 })
    const feeds = causalFeeds(batch)
    expect(feeds.input_ids?.shape).toEqual([3, 6])
    expect(feeds.counted_weights?.dtype).toBe('f32')
  })

  test('the last virtual token predicts the first id, and rows begin behind their virtual tokens', () => {
    const rows = [example([5, 6, 7], 0), example([9, 4], 0), example([8, 3], 1)]
    const batch = collateCausal(rows, { rows: 3, length: 3, countedSize: 6, padId: 1, virtualTokens: 4 })
    expect([...batch.inputIds]).toEqual([5, 6, 7, 9, 4, 1, 8, 3, 1])
    expect([...batch.countedIndices]).toEqual([3, 4, 5, 10, 11, 18])
    expect([...batch.countedTargets]).toEqual([5, 6, 7, 9, 4, 3])
    expect(batch.countedCount).toBe(6)
  })

  test('what does not fit is refused', async () => {
    const shape = { rows: 1, length: 3, countedSize: 1, padId: 0 }
    expect(await codeOf(() => collateCausal([example([1, 2, 3, 4], 0)], shape))).toBe('shape.mismatch')
    expect(await codeOf(() => collateCausal([example([1, 2, 3], 0)], shape))).toBe('shape.mismatch')
    expect(await codeOf(() => collateCausal([example([1], 0), example([1], 0)], shape))).toBe('shape.mismatch')
  })
})

describe('sampler', () => {
  const options = { rowCount: 10, stepRows: 4, shuffle: true, seed: 7 }

  test('an epoch has every row once, in an order of its seed and number', () => {
    const orders = [0, 1].map((epoch) => [...epochOrder(options, epoch)])
    expect([...(orders[0] as number[])].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(orders[0]).not.toEqual(orders[1])
    expect([...epochOrder(options, 0)]).toEqual(orders[0])
    expect([...epochOrder({ ...options, shuffle: false }, 5)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('the last step of an epoch has the rest', () => {
    expect(stepsPerEpoch(options)).toBe(3)
    expect(stepRowsOf(options, 2)).toHaveLength(2)
    expect([...stepRowsOf(options, 3)]).toEqual([...epochOrder(options, 1).subarray(0, 4)])
  })
})

const countOf = ({ microBatches }: StepBatches) => microBatches.reduce((sum, { count }) => sum + count, 0)

describe('trainingSteps', () => {
  test('steps hold their rows once, whatever the micro-batches', async () => {
    const tokenizer = tinyTokenizer()
    const rows = Array.from({ length: 21 }, (_, i) => ({
      prompt: 'p'.repeat(1 + (i % 5)),
      completion: 'c'.repeat(1 + ((i * 3) % 11)),
    }))
    const data = await prepareSft(loadDataset(rows), tokenizer)
    const plan = planBatches({ lengths: data.lengths, counts: data.counts, stepRows: 4, tokensPerMicroBatch: 24 })
    const collator = new DataCollatorForCausalLM({ padId: 0 })
    const options = { plan, collator, rowCount: data.length, stepRows: 4, shuffle: true, seed: 1 }
    const counted: number[] = []
    for await (const step of trainingSteps(data, options, { end: 12 })) {
      counted.push(countOf(step))
      const want = [...step.rows].reduce((sum, row) => sum + (data.counts[row] as number), 0)
      expect(countOf(step)).toBe(want)
      const tokens = [...step.rows].reduce((sum, row) => sum + (data.lengths[row] as number), 0)
      expect(step.microBatches.reduce((sum, batch) => sum + batch.tokens, 0)).toBe(tokens)
    }
    expect(counted).toHaveLength(12)
    const resumed: number[] = []
    for await (const step of trainingSteps(data, options, { first: 7, end: 12 })) resumed.push(countOf(step))
    expect(resumed).toEqual(counted.slice(7))
  })
})
