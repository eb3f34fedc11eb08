import { cast, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import type { EvaluationMetrics } from './evaluate.js'
import { toyBatch, toyRows } from './toy-model.fake.js'
import { eventsOf, trainerOf } from './toy-trainer.fake.js'

describe('the best values of a run', () => {
  it('says of each evaluation whether it is the best so far, also when the best values are not kept', async () => {
    const evaluation = { batches: () => [toyBatch(toyRows)] }
    const settings = { learningRate: 3, lrSchedulerType: 'constant' as const, evaluateEvery: { steps: 1 } } // leaps around
    const { events } = await eventsOf({ totalSteps: 6, evaluation, settings })
    const evaluations = events.flatMap((event) => (event.type === 'evaluate' ? [event] : []))
    const losses = evaluations.map(({ evalLoss }) => evalLoss)
    expect(evaluations.map(({ best }) => best)).toEqual(
      losses.map((loss, i) => losses.slice(0, i).every((other) => loss < other)),
    )
    expect(evaluations.some(({ best }) => !best)).toBe(true)
  })

  it('keeps the best values at the end', async () => {
    const evaluation = { batches: () => [toyBatch(toyRows)] }
    const settings = { learningRate: 3, lrSchedulerType: 'constant' as const, evaluateEvery: { steps: 1 } } // leaps around
    const { events, model } = await eventsOf({
      totalSteps: 6,
      evaluation,
      settings: { ...settings, loadBestModelAtEnd: true },
    })
    const evaluations = events.flatMap((event) => (event.type === 'evaluate' ? [event] : []))
    const least = Math.min(...evaluations.map(({ evalLoss }) => evalLoss))
    expect(evaluations.at(-1)?.evalLoss).toBeGreaterThan(least)
    expect(evaluations.filter(({ best }) => best).at(-1)?.evalLoss).toBe(least)
    expect((await (await trainerOf({ model, evaluation })).trainer.evaluate()).evalLoss).toBeCloseTo(least, 6)
  })

  it('keeps the values of the metric that is asked for, whichever way it is better', async () => {
    const measured = [0.1, 0.9, 0.3, 0.9, 0.2]
    const kept = async (greaterIsBetter: boolean) => {
      let asked = 0
      const metrics: EvaluationMetrics = {
        predict: (_, { input_ids: ids }) => cast(ids as Tensor, 'f32'),
        compute: () => ({ accuracy: measured[asked++] as number }),
      }
      const steps: (number | null)[] = []
      const { events } = await eventsOf({
        totalSteps: measured.length,
        evaluation: { batches: () => [toyBatch(toyRows)] },
        metrics,
        settings: {
          evaluateEvery: { steps: 1 },
          saveEvery: 'epoch',
          loadBestModelAtEnd: true,
          metricForBestModel: 'eval_accuracy',
          greaterIsBetter,
        },
        save: async ({ kind, best, isBest }) => {
          if (kind === 'final' && isBest) steps.push(best?.step ?? null)
          return null
        },
      })
      const best = events.flatMap((event) => (event.type === 'evaluate' && event.best ? [event.step] : []))
      return { steps, best }
    }
    expect(await kept(true)).toEqual({ steps: [2], best: [1, 2] })
    expect(await kept(false)).toEqual({ steps: [1], best: [1] })
  })
})
