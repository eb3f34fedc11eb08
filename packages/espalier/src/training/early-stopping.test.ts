import { expect, it } from 'vitest'
import type { CallbackState, TrainerCallback } from './callbacks.js'
import { earlyStopping } from './early-stopping.js'

const args = { metricForBestModel: 'perplexity', greaterIsBetter: false }

/** Tells a callback of an evaluation; whether it ends the run. */
async function evaluate(callback: TrainerCallback, perplexity: number): Promise<boolean> {
  const control = { shouldTrainingStop: false, shouldSave: false, shouldEvaluate: false, shouldLog: false }
  const state = { globalStep: 1, maxSteps: 9, epoch: 1, logHistory: [] }
  const figures = { evalLoss: 1, perplexity, metrics: {}, seconds: 1 }
  const metrics = { type: 'evaluate', step: 1, epoch: 1, best: false, ...figures } as const
  await callback.onEvaluate?.(args, state, control, metrics)
  return control.shouldTrainingStop
}

it('counts its patience on from a checkpoint where no evaluation was finite', async () => {
  const [whole, stopped, resumed] = [1, 2, 3].map(() => earlyStopping({ earlyStoppingPatience: 2 })) as [
    TrainerCallback,
    TrainerCallback,
    TrainerCallback,
  ]
  const perplexities = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  const ends = []
  for (const perplexity of perplexities) ends.push(await evaluate(whole, perplexity))
  expect(ends).toEqual([false, false, true])
  for (const perplexity of perplexities.slice(0, 2)) await evaluate(stopped, perplexity)
  resumed.restore?.(JSON.parse(JSON.stringify(stopped.state?.())) as CallbackState)
  expect(resumed.state?.()).toEqual(stopped.state?.())
  expect(await evaluate(resumed, Number.POSITIVE_INFINITY)).toBe(true)
})
