import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import type { TrainingEvent } from '@espalier/trainer'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import type { EvaluationProgress, TrainerCallback, TrainingLog } from './callbacks.js'
import { SFTTrainer, type SFTTrainerOptions } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

let base: PretrainedModel

beforeAll(async () => {
  base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(() => base.close())

function trainerOf(args: SFTConfig, options: Partial<SFTTrainerOptions>): SFTTrainer {
  const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
  const few = { trainDataset: tinyRows.slice(0, 4), evalDataset: tinyRows.slice(0, 1) }
  return new SFTTrainer({ model, ...few, args: { perDeviceTrainBatchSize: 2, ...args }, ...options })
}

const NAMES = [
  'onTrainBegin',
  'onEpochBegin',
  'onStepBegin',
  'onStepEnd',
  'onLog',
  'onPredictionStep',
  'onEvaluate',
  'onEpochEnd',
  'onTrainEnd',
] as const

/** A callback that notes each call with the steps done, after a while. */
function noting(calls: string[]): TrainerCallback {
  return Object.fromEntries(
    NAMES.map((name) => [
      name,
      async (_: unknown, { globalStep }: { globalStep: number }) => {
        await new Promise((resolve) => setTimeout(resolve))
        calls.push(`${name.slice(2)}${globalStep}`)
      },
    ]),
  )
}

it('are called in the order of transformers, and waited for', async () => {
  const calls: string[] = []
  const trainer = trainerOf({ numTrainEpochs: 2, evalStrategy: 'epoch' }, { callbacks: [noting(calls)] })
  await trainer.train()
  // as transformers 5.18 calls them
  const wanted =
    'TrainBegin0 EpochBegin0 StepBegin0 StepEnd1 Log1 StepBegin1 StepEnd2 Log2 EpochEnd2 PredictionStep2 Log2 Evaluate2 ' +
    'EpochBegin2 StepBegin2 StepEnd3 Log3 StepBegin3 StepEnd4 Log4 EpochEnd4 PredictionStep4 Log4 Evaluate4 Log4 TrainEnd4'
  expect(calls.join(' ')).toBe(wanted)

  calls.length = 0
  const short = trainerOf({ maxSteps: 1, evalStrategy: 'steps', evalSteps: 1 }, { callbacks: [noting(calls)] })
  await short.train()
  expect(calls.join(' ')).toBe(
    'TrainBegin0 EpochBegin0 StepBegin0 StepEnd1 Log1 PredictionStep1 Log1 Evaluate1 EpochEnd1 Log1 TrainEnd1',
  )
})

it('may ask for things in any of their calls, and end a run by failing', async () => {
  const events: TrainingEvent[] = []
  const trainer = trainerOf(
    { maxSteps: 4 },
    {
      onEvent: async (event) => void events.push(event),
      callbacks: [
        {
          onStepBegin: async (_, { globalStep }, control) => {
            control.shouldEvaluate = globalStep === 1
            control.shouldTrainingStop = globalStep === 2
          },
        },
      ],
    },
  )
  expect(await trainer.train()).toMatchObject({ globalStep: 3, reason: 'stopped' })
  expect(events.flatMap((event) => (event.type === 'evaluate' ? [event.step] : []))).toEqual([2])

  const failing = trainerOf({ maxSteps: 4 }, { callbacks: [{ onStepEnd: () => Promise.reject(new Error('no disk')) }] })
  await expect(failing.train()).rejects.toThrow('no disk')
})

it('are told what is logged of steps, evaluations and the end, which the trainer’s state keeps', async () => {
  const logged: TrainingLog[] = []
  const trainer = trainerOf(
    { maxSteps: 3, loggingSteps: 2, evalStrategy: 'epoch' },
    { callbacks: [{ onLog: (_, __, ___, logs) => void logged.push(logs) }] },
  )
  expect(trainer.state.logHistory).toEqual([])
  const { trainingLoss } = await trainer.train()
  expect(logged).toMatchObject([
    { type: 'step', step: 2, epoch: 1, loss: expect.any(Number), learningRate: expect.any(Number) },
    { type: 'evaluate', step: 2, epoch: 1, evalLoss: expect.any(Number) },
    { type: 'evaluate', step: 3, epoch: 1.5, evalLoss: expect.any(Number) },
    { type: 'end', step: 3, epoch: 1.5, trainingLoss },
  ])
  expect(trainer.state).toEqual({ globalStep: 3, maxSteps: 3, epoch: 1.5, logHistory: logged })
  const { evalLoss } = await trainer.evaluate()
  expect(trainer.state.logHistory.at(-1)).toMatchObject({ type: 'evaluate', step: 3, evalLoss })
  expect(logged).toHaveLength(5)
  await trainer.train()
  expect(trainer.state.logHistory).toHaveLength(4)
})

it('have a log entry for a step when they ask for it before the step', async () => {
  const logged: (readonly [string, number])[] = []
  const trainer = trainerOf(
    { maxSteps: 3, loggingSteps: 100 },
    {
      callbacks: [
        {
          onStepBegin: (_, { globalStep }, control) => {
            control.shouldLog = globalStep === 1
          },
          onLog: (_, __, ___, { type, step }) => void logged.push([type, step]),
        },
      ],
    },
  )
  await trainer.train()
  expect(logged).toEqual([
    ['step', 2],
    ['end', 3],
  ])
})

it('hear of evaluations by themselves, which tell how far they are', async () => {
  const [calls, events, progress]: [string[], TrainingEvent[], EvaluationProgress[]] = [[], [], []]
  const trainer = trainerOf(
    { perDeviceEvalBatchSize: 1 },
    {
      callbacks: [noting(calls)],
      onEvent: (event) => void events.push(event),
      evalDataset: tinyRows.slice(0, 2),
    },
  )
  const found = await trainer.evaluate({ onProgress: (at) => void progress.push(at) })
  expect(calls).toEqual(['PredictionStep0', 'PredictionStep0', 'Log0', 'Evaluate0'])
  expect(events).toMatchObject([{ type: 'evaluate', step: 0, ...found }])
  expect(progress).toHaveLength(2)
  expect(progress[0]?.tokens).toBeLessThan(progress[0]?.totalTokens ?? 0)
  expect(progress[1]?.tokens).toBe(progress[1]?.totalTokens)
})
