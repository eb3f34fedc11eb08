import {
  cast,
  type FullModel,
  type HostTensor,
  hostTensor,
  mul,
  namedParameters,
  reduceSum,
  type Tensor,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import type { EvaluationMetrics } from './evaluate.js'
import type { StepEvent, TrainingEvent } from './events.js'
import { decayRule } from './open-session.js'
import { sgd } from './optimizers/sgd.js'
import { countedBackend, toyBatch, toyModel, toyRows } from './toy-model.fake.js'
import { eventsOf, trainerOf } from './toy-trainer.fake.js'

const losses = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))

function difference(a: ReadonlyMap<string, HostTensor>, b: ReadonlyMap<string, HostTensor>): number {
  let worst = 0
  for (const [name, { data }] of a)
    for (const [i, value] of (data as Float32Array).entries())
      worst = Math.max(worst, Math.abs(value - ((b.get(name) as HostTensor).data[i] as number)))
  return worst
}

describe('Trainer', () => {
  it('ends when values overflow though losses stay finite, and saves nothing of them', async () => {
    for (const learningRate of [1e25, 1e38]) {
      const saved: number[] = []
      const save = async ({ step }: { readonly step: number }) => {
        saved.push(step)
        return null
      }
      const { model, trainer } = await trainerOf({ save, settings: { learningRate, saveEvery: { steps: 1 } } })
      const before = await model.trainable()
      await expect(trainer.train().result).rejects.toMatchObject({
        code: 'training.diverged',
        details: { parameters: expect.arrayContaining(['body.weight']) as string[] },
      })
      expect(saved).toEqual([])
      expect(difference(before, await model.trainable())).toBe(0)
    }
  })

  it('learns, and says every step with its fields', async () => {
    const { events, result } = await eventsOf({ totalSteps: 30, settings: { learningRate: 0.05 } })
    const all = losses(events)
    expect(all.at(-1)).toBeLessThan(0.5 * (all[0] as number))
    expect(events[0]).toEqual({
      type: 'start',
      step: 0,
      epoch: 0,
      totalSteps: 30,
      stepsPerEpoch: 2,
      trainableParameters: 11 * 6 * 2 + 42 + 12,
    })
    const step = events.find((event) => event.type === 'step') as StepEvent
    expect(Object.keys(step).sort()).toEqual(
      ['epoch', 'etaSeconds', 'gradNorm', 'learningRate', 'loss', 'peakMemoryBytes', 'seconds', 'step', 'tokens', 'tokensPerSecond', 'totalSteps', 'type', 'usefulTokens'], // biome-ignore format: one list
    )
    expect(step).toMatchObject({
      step: 1,
      totalSteps: 30,
      epoch: 0.5,
      tokens: 14,
      usefulTokens: 10,
      learningRate: 0.05,
    })
    expect(events.at(-1)).toMatchObject({
      type: 'end',
      reason: 'done',
      globalStep: 30,
      trainingLoss: result.trainingLoss,
    })
    expect(result.trainingLoss).toBeCloseTo(all.reduce((a, b) => a + b, 0) / 30, 10)
  })

  it('takes the same step however its rows are split into micro-batches', async () => {
    const whole = await eventsOf({ microBatches: [toyBatch(toyRows)] })
    const single = await eventsOf({ microBatches: toyRows.map((row) => toyBatch([row])) })
    const padded = await eventsOf({ microBatches: [toyBatch(toyRows.slice(0, 1), 9), toyBatch(toyRows.slice(1), 7)] })
    for (const split of [single, padded]) {
      for (const [i, loss] of losses(whole.events).entries()) expect(losses(split.events)[i]).toBeCloseTo(loss, 5)
      expect(difference(whole.values, split.values)).toBeLessThan(2e-5) // float32 sums in another order, four steps
    }
  })

  it('clips gradients by their norm over all parameters', async () => {
    const first = async (maxGradNorm: number) => {
      const before = await toyModel().trainable()
      const { events, values } = await eventsOf({
        totalSteps: 1,
        optimizer: sgd(),
        settings: { learningRate: 1, maxGradNorm },
      })
      const squares = [...values].flatMap(([name, { data }]) =>
        [...(data as Float32Array)].map(
          (value, i) => (value - ((before.get(name) as HostTensor).data[i] as number)) ** 2,
        ),
      )
      return { moved: Math.sqrt(squares.reduce((a, b) => a + b, 0)), norm: (events[1] as StepEvent).gradNorm }
    }
    const free = await first(0)
    expect(free.moved).toBeCloseTo(free.norm, 4)
    const clipped = await first(0.01)
    expect(clipped.norm).toBeCloseTo(free.norm, 6) // told before clipping
    expect(clipped.moved).toBeCloseTo(0.01, 5)
  })

  it('repeats itself with dropout and a seed, and differs with another seed', async () => {
    const run = async (seed: number) =>
      losses((await eventsOf({ model: toyModel({ rate: 0.5 }), settings: { seed, learningRate: 0.01 } })).events)
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
  })

  it('evaluates without dropout, and the same before and after', async () => {
    const evaluation = { batches: () => [toyBatch(toyRows.slice(0, 2)), toyBatch(toyRows.slice(2))] }
    const dropped = await (await trainerOf({ model: toyModel({ rate: 0.5 }), evaluation })).trainer.evaluate()
    const plain = await (await trainerOf({ evaluation: { batches: () => [toyBatch(toyRows)] } })).trainer.evaluate()
    expect(dropped.evalLoss).toBeCloseTo(plain.evalLoss, 5)
    expect(plain.perplexity).toBeCloseTo(Math.exp(plain.evalLoss), 8)
    await expect((await trainerOf()).trainer.evaluate()).rejects.toMatchObject({ code: 'config.value' })
  })

  it('measures the predictions of all evaluation batches, in a run too', async () => {
    const rows = [toyBatch(toyRows.slice(0, 1)), toyBatch(toyRows.slice(1))]
    const metrics: EvaluationMetrics = {
      predict: (_, { input_ids: ids }) => mul(cast(ids as Tensor, 'f32'), 2),
      compute: (batches) => ({
        doubled: batches.flatMap(({ predictions }) => [...(predictions.data as Float32Array)]).reduce((a, b) => a + b),
        batches: batches.length,
      }),
    }
    const setting = { evaluation: { batches: () => rows }, metrics, settings: { evaluateEvery: { steps: 4 } } }
    const want = { doubled: 2 * toyRows.flat().reduce((a, b) => a + b), batches: 2 }
    expect((await (await trainerOf(setting)).trainer.evaluate()).metrics).toEqual(want)
    const { events } = await eventsOf(setting)
    expect(events.find(({ type }) => type === 'evaluate')).toMatchObject({ metrics: want })
  })

  it('warms up over a share of the steps below 1 and over a number of steps from 1 on', async () => {
    const rates = async (warmupSteps: number) =>
      (await eventsOf({ settings: { warmupSteps, learningRate: 1e-3 } })).events.flatMap((event) =>
        event.type === 'step' ? [Number(event.learningRate.toFixed(9))] : [],
      )
    expect(await rates(0.5)).toEqual([0, 5e-4, 1e-3, 5e-4])
    expect(await rates(2)).toEqual(await rates(0.5))
  })

  it('takes a ratio of 1 as all steps, and a number of steps before a ratio', async () => {
    const rates = async (settings: { readonly warmupRatio: number; readonly warmupSteps?: number }) =>
      (await eventsOf({ settings: { ...settings, learningRate: 1e-3 } })).events.flatMap((event) =>
        event.type === 'step' ? [Number(event.learningRate.toFixed(9))] : [],
      )
    expect(await rates({ warmupRatio: 1 })).toEqual([0, 2.5e-4, 5e-4, 7.5e-4])
    expect(await rates({ warmupRatio: 1, warmupSteps: 2 })).toEqual([0, 5e-4, 1e-3, 5e-4])
  })

  it('saves at its cadence, and at the end a checkpoint and the result', async () => {
    const saved = async (saveEvery: 'no' | 'epoch' | { readonly steps: number }) => {
      const calls: string[] = []
      const { events } = await eventsOf({
        totalSteps: 6,
        settings: { saveEvery },
        save: async ({ step, kind }) => {
          calls.push(`${kind} ${step}`)
          return `place-${step}`
        },
      })
      expect(events.filter(({ type }) => type === 'save')).toHaveLength(calls.length)
      return calls
    }
    expect(await saved('no')).toEqual(['final 6'])
    expect(await saved({ steps: 4 })).toEqual(['checkpoint 4', 'checkpoint 6', 'final 6'])
    expect(await saved('epoch')).toEqual(['checkpoint 2', 'checkpoint 4', 'checkpoint 6', 'final 6'])
  })

  it('evaluates at its cadence, and at the end of a run that ends between two, as transformers does', async () => {
    const evaluated = async (evaluateEvery: 'no' | 'epoch' | { readonly steps: number }, totalSteps: number) => {
      const evaluation = { batches: () => [toyBatch(toyRows)] }
      const { events } = await eventsOf({ totalSteps, evaluation, settings: { evaluateEvery } })
      return events.flatMap((event) => (event.type === 'evaluate' ? [event.step] : []))
    }
    expect(await evaluated('no', 3)).toEqual([])
    expect(await evaluated('epoch', 1)).toEqual([1])
    expect(await evaluated('epoch', 3)).toEqual([2, 3])
    expect(await evaluated('epoch', 4)).toEqual([2, 4])
    expect(await evaluated({ steps: 2 }, 3)).toEqual([2, 3])
    expect(await evaluated({ steps: 2 }, 4)).toEqual([2, 4])
    expect(await evaluated({ steps: 10 }, 3)).toEqual([3])
  })

  it('compiles once per shape and program', async () => {
    const { backend, counts } = countedBackend()
    const [short, long] = [toyBatch(toyRows, 5), toyBatch(toyRows, 8)]
    await eventsOf({
      backend,
      totalSteps: 12,
      microBatches: (step) => (step % 2 === 0 ? [short, long] : [long]),
      evaluation: { batches: () => [short, long, short] },
      settings: { evaluateEvery: { steps: 2 } },
    })
    expect(counts.compiled.sort()).toEqual(['accumulate', 'accumulate', 'apply', 'evaluate', 'evaluate'])
    expect(counts.held.size).toBe(0)
  })

  it('changes nothing in a step without counted items, and warns', async () => {
    const before = await toyModel().trainable()
    const empty = { ...toyBatch([[1], [2]]), count: 0 }
    const { events, values } = await eventsOf({ microBatches: [empty], totalSteps: 2, settings: { weightDecay: 0.1 } })
    expect(difference(before, values)).toBe(0)
    expect(losses(events)).toEqual([0, 0])
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(2)
  })

  it('tells the hook between gradients and optimizer the count, and divides by what it returns', async () => {
    const plain = await eventsOf({ optimizer: sgd(), totalSteps: 1, settings: { maxGradNorm: 0 } })
    const counts: number[] = []
    const halved = await eventsOf({
      optimizer: sgd(),
      totalSteps: 1,
      settings: { maxGradNorm: 0 },
      onGradients: async ({ count, session }) => {
        counts.push(count)
        expect((await session.gradients()).size).toBe(6)
        return 2 * count
      },
    })
    expect(counts).toEqual([10])
    expect((halved.events[1] as StepEvent).gradNorm).toBeCloseTo((plain.events[1] as StepEvent).gradNorm / 2, 6)
  })

  it('gives the hook after the optimizer what it saw, and starts the next step from what the hook wrote', async () => {
    const [slot, learningRate] = ['body.weight', 0.5]
    const seen: { readonly step: number; readonly left: number }[] = []
    let kept: HostTensor | undefined
    const { values } = await eventsOf({
      optimizer: sgd(),
      totalSteps: 2,
      settings: { learningRate, lrSchedulerType: 'constant', maxGradNorm: 0.01 },
      async onOptimizerStep({ step, session }) {
        const before = kept ?? ((await toyModel().trainable()).get(slot) as HostTensor)
        const [after, gradient] = [
          (await session.read([slot])).get(slot) as HostTensor,
          (await session.gradients([slot])).get(slot) as HostTensor,
        ]
        const left = before.data.map((x, i) =>
          Math.abs((x as number) - learningRate * (gradient.data[i] as number) - (after.data[i] as number)),
        )
        seen.push({ step, left: Math.max(...(left as Float32Array)) })
        kept = hostTensor('f32', after.shape, new Float32Array(after.data.length).fill(step / 4))
        await session.write(new Map([[slot, kept]]))
      },
    })
    expect(seen.map(({ step }) => step)).toEqual([1, 2])
    for (const { left } of seen) expect(left).toBeLessThan(1e-7) // one f32 rounding of values below 1
    expect(values.get(slot)).toEqual(kept)
  })

  it('adds a model’s penalty once to a step’s loss and gradient, however many micro-batches it has', async () => {
    const withPenalty = () => {
      const model = toyModel()
      const head = namedParameters(model.model).get('lm_head.weight')?.value as Tensor
      return Object.assign(model, { penalty: () => mul(reduceSum(mul(head, head)), 0.5) }) // its gradient is the head
    }
    const run = (model: FullModel, split: boolean) =>
      eventsOf({
        model,
        optimizer: sgd(),
        totalSteps: 1,
        settings: { learningRate: 1, maxGradNorm: 0 },
        microBatches: split ? toyRows.map((row) => toyBatch([row])) : [toyBatch(toyRows)],
      })
    const [plain, whole, split] = [
      await run(toyModel(), false),
      await run(withPenalty(), false),
      await run(withPenalty(), true),
    ]
    const head = (await toyModel().trainable()).get('lm_head.weight') as HostTensor
    const half = (head.data as Float32Array).reduce((sum, x) => sum + 0.5 * x * x, 0)
    for (const { events, values } of [whole, split]) {
      expect(losses(events)[0]).toBeCloseTo((losses(plain.events)[0] as number) + half, 5)
      const moved = values.get('lm_head.weight') as HostTensor
      for (const [i, x] of (plain.values.get('lm_head.weight') as HostTensor).data.entries())
        expect(moved.data[i] as number).toBeCloseTo((x as number) - (head.data[i] as number), 5)
    }
  })

  it('refuses settings outside their ranges', async () => {
    for (const settings of [{ learningRate: -1 }, { weightDecay: Number.NaN }, { saveEvery: { steps: 0 } }])
      await expect(trainerOf({ settings })).rejects.toMatchObject({ code: 'config.value' })
  })
})

describe('decayRule', () => {
  it('excludes biases and norms, by name or kind, as transformers does', () => {
    const isDecayed = decayRule(toyModel().model)
    expect(
      ['embed.weight', 'body.weight', 'body.bias', 'ln_1.weight', 'ln_1.bias', 'lm_head.weight'].map(isDecayed),
    ).toEqual([
      true,
      true,
      false,
      false,
      false,
      true, // biome-ignore format: one per name
    ])
    expect(isDecayed('adapter0:model.layers.0.self_attn.q_proj.lora_A.weight')).toBe(true)
    expect(isDecayed('adapter0:model.layers.0.self_attn.q_proj.lora_B.bias')).toBe(false)
    expect(isDecayed('adapter0:norm.weight')).toBe(false)
    expect(isDecayed('model.layers.0.input_layernorm.weight')).toBe(false)
    expect(isDecayed('model.layers.0.normalizer.weight')).toBe(true)
  })

  it('reaches the optimizer', async () => {
    const still = {
      ...toyBatch(toyRows),
      feeds: { ...toyBatch(toyRows).feeds, counted_weights: hostTensor('f32', [20]) },
    }
    const { values } = await eventsOf({
      microBatches: [still],
      totalSteps: 1,
      settings: { weightDecay: 0.5, learningRate: 0.1 },
    })
    const before = await toyModel().trainable()
    const ratio = (name: string) =>
      ((values.get(name) as HostTensor).data[1] as number) / ((before.get(name) as HostTensor).data[1] as number)
    expect(ratio('body.weight')).toBeCloseTo(0.95, 6)
    expect(ratio('ln_1.weight')).toBe(1)
  })
})
