import { describe, expect, it } from 'vitest'
import { stepsOf } from './planned-steps.js'
import { argumentWarnings, settingsOf, strategiesOf, type TrainingArguments } from './training-arguments.js'

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
  const warnings = (args: TrainingArguments) => argumentWarnings(args, { hasEvaluation: false })
  expect(warnings({})).toEqual([])
  expect(warnings({ learningRate: 2e-5, maxGradNorm: 0 })).toEqual([])
  expect(warnings({ learningRate: 0 })).toEqual(['learningRate 0 changes nothing: nothing will be learnt'])
  expect(warnings({ learningRate: 1e-300 })).toHaveLength(1) // 0 in the float32 that computes
  expect(warnings({ maxGradNorm: 1e-300 })[0]).toContain('maxGradNorm 1e-300 leaves next to nothing')
})

describe('strategiesOf', () => {
  it('follows steps that are given without a strategy', () => {
    const outputDir = 'out'
    expect(strategiesOf({ outputDir, saveSteps: 5, evalSteps: 2 }, { hasEvaluation: true })).toEqual({
      evalStrategy: 'steps',
      saveStrategy: 'steps',
    })
    expect(settingsOf({ outputDir, saveSteps: 5, evalSteps: 2 }, { hasEvaluation: true })).toMatchObject({
      evaluateEvery: { steps: 2 },
      saveEvery: { steps: 5 },
    })
    expect(strategiesOf({ outputDir }, { hasEvaluation: true })).toEqual({ evalStrategy: 'no', saveStrategy: 'epoch' })
  })

  it('leaves a strategy that is given, and steps that nothing is there for', () => {
    const args = { outputDir: 'out', saveSteps: 5, saveStrategy: 'epoch', evalSteps: 2, evalStrategy: 'no' } as const
    expect(strategiesOf(args, { hasEvaluation: true })).toEqual({ evalStrategy: 'no', saveStrategy: 'epoch' })
    expect(strategiesOf({ saveSteps: 5, evalSteps: 2 }, { hasEvaluation: false })).toEqual({
      evalStrategy: 'no',
      saveStrategy: 'no',
    })
  })
})

it('warns of steps without an effect', () => {
  const warnings = (args: TrainingArguments, hasEvaluation = true) => argumentWarnings(args, { hasEvaluation })
  expect(warnings({ outputDir: 'out', saveSteps: 5, evalSteps: 2 })).toEqual([])
  expect(warnings({ outputDir: 'out', saveSteps: 5, saveStrategy: 'epoch' })).toEqual([
    'saveSteps 5 has no effect: saveStrategy is epoch',
  ])
  expect(warnings({ evalSteps: 2, evalStrategy: 'no' })).toEqual(['evalSteps 2 has no effect: evalStrategy is no'])
  expect(warnings({ evalSteps: 2 }, false)).toEqual(['evalSteps 2 has no effect: there are no rows to evaluate on'])
  expect(warnings({ saveSteps: 5 })).toEqual(['saveSteps 5 has no effect: there is no outputDir'])
})
