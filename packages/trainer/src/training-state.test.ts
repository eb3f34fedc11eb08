import {
  type HostTensor,
  hostTensor,
  type Model,
  reference,
  type StepAccess,
  type TrainableModel,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import type { TrainingEvent } from './events.js'
import { adafactor } from './optimizers/adafactor.js'
import { adamw } from './optimizers/adamw.js'
import { sgd } from './optimizers/sgd.js'
import { toyBatch, toyModel, toyRows, toySteps } from './toy-model.fake.js'
import { Trainer } from './trainer.js'
import type { TrainerOptions } from './trainer-options.js'
import { stateKey, type TrainingState } from './training-state.js'

const STEPS = 7 // of two to an epoch: the run ends inside one

/** The batches of steps, each with rows of its own. */
const rowsAt = (step: number) => [
  toyBatch([toyRows[step % 4] as number[], toyRows[(step + 1) % 4] as number[]]),
  toyBatch([toyRows[(step * 3) % 4] as number[]], 6),
]
const evaluation = { batches: () => [toyBatch(toyRows)] }

type Setting = Partial<TrainerOptions> & { readonly totalSteps?: number }

/** What a run said and came to, and its states by step. Models differ in what they start with, which a state must not leave to chance. */
async function runOf({ totalSteps = STEPS, ...setting }: Setting) {
  const backend = reference()
  const model = setting.model ?? toyModel({ rate: 0.3, seed: setting.resume === undefined ? 1 : 2 })
  const events: TrainingEvent[] = []
  const states: TrainingState[] = []
  const trainer = new Trainer({
    backend,
    weights: await backend.loadWeights(new Map()),
    steps: toySteps(rowsAt, totalSteps),
    onEvent: (event) => void events.push(event),
    async save({ kind, state }) {
      if (kind === 'checkpoint') states.push(await state())
      return null
    },
    ...setting,
    model,
    settings: { learningRate: 0.1, saveEvery: { steps: 1 }, ...setting.settings },
  })
  const result = await trainer.train()
  return { events, states, result, model, values: await model.trainable() }
}

/** What the events of steps and evaluations say, without times. */
const told = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => {
    if (event.type === 'step') return [[event.step, event.loss, event.gradNorm, event.learningRate]]
    return event.type === 'evaluate' ? [[event.step, event.evalLoss, event.best]] : []
  })

/** As a file keeps it. */
function kept(state: TrainingState): TrainingState {
  const { tensors, ...position } = state
  return { ...(JSON.parse(JSON.stringify(position)) as Omit<TrainingState, 'tensors'>), tensors: new Map(tensors) }
}

/** A model whose values are pulled down more each step, with what it keeps of the gradients. */
function followed(model: ReturnType<typeof toyModel>): TrainableModel & { readonly pulls: () => number } {
  let configuration = { pulls: 0 }
  return {
    model: model.model as Model,
    trainable: () => model.trainable(),
    fixed: () => model.fixed(),
    commit: (values) => model.commit(values),
    pulls: () => configuration.pulls,
    configurations: () => ({ own: configuration }),
    setConfigurations(known) {
      configuration = known.own as typeof configuration
    },
    async afterStep({ memory, gradients, read, write }: StepAccess) {
      const name = 'body.weight'
      const [value, slope] = [(await read([name])).get(name), (await gradients([name])).get(name)] as HostTensor[]
      const known = memory.get('slopes') ?? hostTensor('f32', (slope as HostTensor).shape)
      const slopes = (known.data as Float32Array).map((x, i) => 0.5 * x + Number((slope as HostTensor).data[i]))
      memory.set('slopes', hostTensor('f32', known.shape, slopes))
      configuration = { pulls: configuration.pulls + 1 }
      const pulled = (value as HostTensor).data as Float32Array
      await write(
        new Map([
          [
            name,
            hostTensor(
              'f32',
              known.shape,
              pulled.map((x, i) => x - 0.01 * configuration.pulls * Number(slopes[i])),
            ),
          ],
        ]),
      )
    },
  }
}

describe('a training state', () => {
  it.each<[string, () => Setting]>([
    ['AdamW with decay in some groups', () => ({ optimizer: adamw(), settings: { weightDecay: 0.1 } })],
    ['SGD with momentum', () => ({ optimizer: sgd({ momentum: 0.9 }) })],
    ['Adafactor, whose states are factored', () => ({ optimizer: adafactor() })],
    ['SGD without states', () => ({ optimizer: sgd() })],
    [
      'evaluations between epochs and the best values at the end',
      () => ({ evaluation, settings: { evaluateEvery: { steps: 2 }, loadBestModelAtEnd: true, learningRate: 1.5 } }),
    ],
    [
      'evaluations at the end of epochs, after the save at the step',
      () => ({ evaluation, settings: { evaluateEvery: 'epoch', loadBestModelAtEnd: true } }),
    ],
    ['a warmup and a cosine', () => ({ settings: { lrSchedulerType: 'cosine', warmupSteps: 3 } })],
  ])('goes on from every step as if the run had not ended: %s', async (_, setting) => {
    const whole = await runOf(setting())
    expect(whole.states.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7])
    const saves = whole.events.flatMap(({ type }, i) => (type === 'save' ? [i] : []))
    for (const [i, state] of whole.states.entries()) {
      const rest = await runOf({ ...setting(), resume: kept(state) })
      expect(told(rest.events)).toEqual(told(whole.events.slice(saves[i])))
      expect(rest.result).toEqual(whole.result)
      expect(rest.values).toEqual(whole.values)
      expect(rest.events[0]).toMatchObject({ type: 'start', step: state.step })
    }
  })

  it('holds what a model keeps from step to step, and its configuration', async () => {
    const whole = await runOf({ model: followed(toyModel({ rate: 0.3 })) })
    for (const state of whole.states.slice(0, -1)) {
      const model = followed(toyModel({ rate: 0.3, seed: 2 }))
      const rest = await runOf({ model, resume: kept(state) })
      expect(rest.values).toEqual(whole.values)
      expect(model.pulls()).toBe(STEPS)
    }
    const [first] = whole.states as [TrainingState]
    const forgetful = new Map([...first.tensors].filter(([key]) => !key.startsWith('memory:')))
    const without = await runOf({ model: followed(toyModel({ rate: 0.3 })), resume: { ...first, tensors: forgetful } })
    expect(without.values).not.toEqual(whole.values)
  })

  it('is saved at the last step too, and at the one where a run is stopped, which goes on to the same end', async () => {
    const setting: Setting = { evaluation, settings: { evaluateEvery: 'epoch', saveEvery: 'epoch' } }
    const whole = await runOf(setting)
    expect(whole.states.map(({ step }) => step)).toEqual([2, 4, 6, 7])
    const backend = reference()
    const states: TrainingState[] = []
    const run = new Trainer({
      model: toyModel({ rate: 0.3 }),
      backend,
      weights: await backend.loadWeights(new Map()),
      steps: toySteps(rowsAt, STEPS),
      evaluation,
      settings: { learningRate: 0.1, ...setting.settings },
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 4) run.stop()
      },
      async save({ kind, state }) {
        if (kind === 'checkpoint') states.push(await state())
        return null
      },
    }).train()
    expect(await run).toMatchObject({ globalStep: 4, reason: 'stopped' })
    expect(states.map(({ step, due }) => [step, due])).toEqual([
      [2, 'nothing'],
      [4, 'step'],
    ])
    const rest = await runOf({ ...setting, resume: kept(states[1] as TrainingState) })
    const lastStep = whole.events.findIndex((event) => event.type === 'step' && event.step === 4)
    expect(told(rest.events)).toEqual(told(whole.events.slice(lastStep + 1)))
    expect(rest.values).toEqual(whole.values)
  })

  it('goes on for more steps than the run was to have', async () => {
    const constant: Setting = { settings: { lrSchedulerType: 'constant' } }
    const longer = await runOf({ ...constant, totalSteps: STEPS + 3 })
    const short = await runOf(constant)
    const rest = await runOf({ ...constant, totalSteps: STEPS + 3, resume: kept(short.states.at(-1) as TrainingState) })
    expect(told(rest.events)).toEqual(told(longer.events).slice(STEPS))
    expect(rest.values).toEqual(longer.values)
  })

  it('of another model or optimizer is refused, and nothing changes', async () => {
    const { states } = await runOf({})
    const state = states[0] as TrainingState
    const changed = (change: (tensors: Map<string, HostTensor>) => void): TrainingState => {
      const tensors = new Map(state.tensors)
      change(tensors)
      return { ...state, tensors }
    }
    const key = stateKey('parameter', 'body.weight')
    for (const resume of [
      changed((tensors) => tensors.delete(key)),
      changed((tensors) => tensors.set(key, hostTensor('f32', [2, 2]))),
      changed((tensors) => tensors.set('exp_avg_sq:other', hostTensor('f32', [1]))),
    ])
      await expect(runOf({ resume })).rejects.toMatchObject({ code: 'checkpoint.unfit' })
    await expect(runOf({ resume: state, optimizer: sgd({ momentum: 0.9 }) })).rejects.toMatchObject({
      code: 'checkpoint.unfit',
      details: { unknown: expect.arrayContaining([expect.stringMatching(/^exp_avg/)]) as unknown },
    })
  })
  it('without the best values that a run is to end with, or with those of another model, is refused', async () => {
    const keeping = { evaluateEvery: { steps: 1 }, loadBestModelAtEnd: true, learningRate: 1.5 } as const
    const { states } = await runOf({
      evaluation,
      settings: { ...keeping, metricForBestModel: 'perplexity', greaterIsBetter: true },
    })
    const state = states.find(({ best, step }) => best !== null && best.step < step) as TrainingState
    const isBest = (key: string) => key.startsWith(stateKey('best', ''))
    expect([...state.tensors.keys()].some(isBest)).toBe(true)
    const without = new Map([...state.tensors].filter(([key]) => !isBest(key)))
    const unknown = new Map([...state.tensors, [stateKey('best', 'other'), hostTensor('f32', [1])] as const])
    for (const tensors of [without, unknown])
      await expect(runOf({ evaluation, settings: keeping, resume: { ...state, tensors } })).rejects.toMatchObject({
        code: 'checkpoint.unfit',
      })
    const plain = await runOf({ evaluation, settings: { learningRate: 1.5 }, resume: { ...state, tensors: without } })
    expect(plain.result.globalStep).toBe(STEPS)
  })
})
