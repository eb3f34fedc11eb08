import { describe, expect, it } from 'vitest'
import { stepsOf } from './planned-steps.js'
import { argumentWarnings, settingsOf, type TrainingArguments } from './training-arguments.js'

const settings = (args: TrainingArguments) => () => settingsOf(args, { hasEvaluation: false })
const refused = (name: string) =>
  expect.objectContaining({ code: 'config.value', message: expect.stringContaining(name) })

describe('settingsOf', () => {
  it.each<[keyof TrainingArguments, readonly number[]]>([
    ['learningRate', [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e39]],
    ['weightDecay', [-0.1, Number.NaN]],
    ['adamBeta1', [1, -0.1]],
    ['adamBeta2', [1, Number.NaN]],
    ['adamEpsilon', [0, -1e-8, 2]],
    ['maxGradNorm', [-1, Number.NaN]],
    ['warmupSteps', [-1]],
    ['warmupRatio', [1.5, -0.1, Number.NaN]],
    ['numTrainEpochs', [0, -1, Number.NaN]],
    ['maxSteps', [-2, 1.5, Number.NaN]],
  ])('refuses %s outside its range, by its name', (name, values) => {
    for (const value of values) expect(settings({ [name]: value }), `${value}`).toThrow(refused(name))
  })

  it('takes the ends that belong to a range', () => {
    for (const args of [
      { learningRate: 0 },
      { maxGradNorm: 0 },
      { warmupRatio: 1 },
      { adamEpsilon: 1 },
      { maxSteps: -1 },
    ])
      expect(settings(args)).not.toThrow()
  })

  it('refuses a schedule that does not exist, and settings that it does not have', () => {
    expect(settings({ lrSchedulerType: 'cosin' as 'cosine' })).toThrow(refused('cosin'))
    expect(settings({ lrSchedulerKwargs: { numCycles: 1 } })).toThrow(refused('numCycles')) // linear has none
    expect(settings({ lrSchedulerType: 'cosine', lrSchedulerKwargs: { numCycles: 'a' as never } })).toThrow(
      refused('numCycles'),
    )
    expect(settings({ lrSchedulerType: 'cosine', lrSchedulerKwargs: { numCycles: 2 } })).not.toThrow()
  })
})

it('counts no more steps than can be counted', () => {
  expect(() => stepsOf(100, { numTrainEpochs: 1e300 })).toThrow(refused('numTrainEpochs'))
  expect(stepsOf(100, { numTrainEpochs: 1e300, maxSteps: 3 })).toBe(3)
})

it('warns of arguments that leave nothing to learn', () => {
  expect(argumentWarnings({})).toEqual([])
  expect(argumentWarnings({ learningRate: 2e-5, maxGradNorm: 0 })).toEqual([])
  expect(argumentWarnings({ learningRate: 0 })).toEqual(['learningRate 0 changes nothing: nothing will be learnt'])
  expect(argumentWarnings({ learningRate: 1e-300 })).toHaveLength(1) // 0 in the float32 that computes
  expect(argumentWarnings({ maxGradNorm: 1e-300 })[0]).toContain('maxGradNorm 1e-300 leaves next to nothing')
})
