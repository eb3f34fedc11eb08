import { hostTensor, type LossFunction, lossOf, mul, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import type { TrainingEvent } from './events.js'
import { type RunControl, TrainingRun } from './run.js'
import { countedBackend, toyBatch, toyModel, toyRows, toySteps } from './toy-model.fake.js'
import { Trainer } from './trainer.js'
import type { TrainerOptions } from './trainer-options.js'

const stepEvent = (step: number): TrainingEvent => ({
  type: 'step',
  step,
  totalSteps: 9,
  epoch: 0,
  loss: 0,
  learningRate: 0,
  gradNorm: 0,
  tokens: 0,
  usefulTokens: 0,
  seconds: 0,
  tokensPerSecond: 0,
  peakMemoryBytes: 0,
  etaSeconds: 0, // biome-ignore format: only the step matters
})
const done = { globalStep: 1, trainingLoss: 0, reason: 'done' as const }

async function toyTrainer(options: Partial<TrainerOptions> = {}, totalSteps = 50) {
  const backend = options.backend ?? reference()
  const model = options.model ?? toyModel()
  const weights = await backend.loadWeights(new Map())
  const steps = toySteps([toyBatch(toyRows)], totalSteps)
  return { model, trainer: new Trainer({ model, backend, weights, steps, ...options }) }
}

describe('TrainingRun', () => {
  it('starts by itself, once, whether it is awaited, iterated, both or neither', async () => {
    let starts = 0
    const make = () =>
      new TrainingRun(async () => {
        starts++
        return done
      })
    make()
    expect(starts).toBe(0) // not before its maker has gone on
    await Promise.resolve()
    expect(starts).toBe(1)
    const run = make()
    expect(await run).toEqual(done)
    expect(await run[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
    expect(await run).toEqual(done)
    expect(await run.result).toEqual(done)
    expect(starts).toBe(2)
  })

  it('is a promise: it rejects with what failed, and is caught and finished as one', async () => {
    const failing = () => new TrainingRun(() => Promise.reject(new Error('no')))
    await expect((async () => await failing())()).rejects.toThrow('no')
    expect(await failing().catch(String)).toBe('Error: no')
    let ended = 0
    expect(await new TrainingRun(async () => done).finally(() => void ended++)).toEqual(done)
    expect(ended).toBe(1)
  })

  it('coalesces steps that nobody read, and nothing else', async () => {
    const run = new TrainingRun(async (control) => {
      for (const step of [1, 2, 3]) control.emit(stepEvent(step))
      control.emit({ type: 'warning', message: 'a' })
      control.emit({ type: 'warning', message: 'a' })
      control.emit(stepEvent(4))
      control.emit(stepEvent(5))
      return done
    })
    await run.result
    const seen: string[] = []
    for await (const event of run) seen.push(event.type === 'step' ? `step ${event.step}` : event.type)
    expect(seen).toEqual(['step 3', 'warning', 'warning', 'step 5'])
  })

  it('never waits for a slow reader', async () => {
    let control: RunControl | undefined
    const run = new TrainingRun(async (given) => {
      control = given
      for (let step = 1; step <= 1000; step++) {
        given.emit(stepEvent(step))
        await Promise.resolve()
      }
      return done
    })
    const iterator = run[Symbol.asyncIterator]()
    await iterator.next()
    expect(await run.result).toEqual(done) // though nothing more was read
    expect(control).toBeDefined()
    expect(await iterator.next()).toMatchObject({ value: { step: 1000 } })
  })

  it('wakes every reader at the end', async () => {
    let finish = () => {}
    const run = new TrainingRun(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return done
    })
    const readers = [run[Symbol.asyncIterator](), run[Symbol.asyncIterator]()]
    const ends = readers.map((reader) => reader.next())
    await Promise.resolve()
    finish()
    expect(await Promise.all(ends)).toEqual([{ done: true }, { done: true }])
  })

  it('raises nothing when a rejected result is not read', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const run = new TrainingRun(() => Promise.reject(new Error('no')))
      void run.result
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
      await expect(run.result).rejects.toThrow('no')
      await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow('no')
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})

describe('a run of Trainer', () => {
  it('finishes its step and saves when the reader leaves', async () => {
    const saved: number[] = []
    const { trainer } = await toyTrainer({
      save: async ({ step }) => {
        saved.push(step)
        return null
      },
    })
    const run = trainer.train()
    for await (const event of run) if (event.type === 'step') break
    const result = await run.result
    expect(result.reason).toBe('stopped')
    expect(saved).toEqual([result.globalStep]) // saved before the loop was left
    expect(result.globalStep).toBeLessThan(50)
  })

  it('tells a reader who leaves that saving failed', async () => {
    const { trainer } = await toyTrainer({ save: () => Promise.reject(new Error('disk full')) })
    const leave = async () => {
      for await (const event of trainer.train()) if (event.type === 'step') break
    }
    await expect(leave()).rejects.toThrow('disk full')
  })

  it('pauses after a step, goes on, and stops', async () => {
    const { trainer } = await toyTrainer()
    const run = trainer.train()
    const seen: string[] = []
    for await (const event of run) {
      seen.push(event.type)
      if (event.type === 'step' && event.step === 1) run.pause()
      if (event.type === 'pause') {
        for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
        seen.push('...')
        run.resume()
      }
      if (event.type === 'resume') run.stop()
    }
    expect(seen.slice(0, 2)).toEqual(['start', 'step'])
    const rest = seen.slice(seen.indexOf('pause'))
    expect(rest.slice(0, 3)).toEqual(['pause', '...', 'resume'])
    expect(rest.at(-1)).toBe('end')
    expect((await run.result).reason).toBe('stopped')
  })

  it('saves and evaluates once when asked to', async () => {
    const calls: string[] = []
    const { trainer } = await toyTrainer(
      {
        evaluation: { batches: () => [toyBatch(toyRows)] },
        save: async ({ step, kind }) => {
          calls.push(`${kind} ${step}`)
          return null
        },
        onEvent(event) {
          if (event.type === 'evaluate') calls.push(`evaluate ${event.step}`)
          if (event.type !== 'step' || event.step !== 2) return
          run.requestSave()
          run.requestEvaluation()
        },
      },
      4,
    )
    const run = trainer.train()
    await run.result
    expect(calls).toEqual(['evaluate 2', 'checkpoint 2', 'final 4'])
  })

  it('saves the last good state on abort and rejects with the signal’s reason', async () => {
    const abort = new AbortController()
    const saved: number[] = []
    const events: string[] = []
    const { trainer } = await toyTrainer({
      save: async ({ step }) => {
        saved.push(step)
        return null
      },
      onEvent(event) {
        events.push(event.type === 'end' ? `end ${event.reason}` : event.type)
        if (event.type === 'step' && event.step === 3) abort.abort('enough')
      },
    })
    const run = trainer.train({ signal: abort.signal })
    await expect(run.result).rejects.toBe('enough')
    expect(saved).toEqual([3])
    expect(events.at(-1)).toBe('end aborted')
  })

  it('drops a half-gathered step on abort', async () => {
    const abort = new AbortController()
    const { backend, counts } = countedBackend()
    const committed: number[] = []
    const { trainer } = await toyTrainer({
      backend,
      steps: toySteps([toyBatch(toyRows), toyBatch(toyRows)], 50),
      save: async ({ step }) => {
        committed.push(step)
        return null
      },
    })
    let runs = 0
    counts.before = (operation, name) => {
      if (operation === 'run' && name === 'accumulate' && ++runs === 5) abort.abort('now') // first micro-batch of step 3
    }
    await expect(trainer.train({ signal: abort.signal }).result).rejects.toBe('now')
    expect(committed).toEqual([2])
    expect(runs).toBe(5)
    expect(counts.held.size).toBe(0)
  })

  it('saves too when it is aborted during an evaluation or a pause', async () => {
    for (const at of ['evaluate', 'pause'] as const) {
      const abort = new AbortController()
      const saved: number[] = []
      const { trainer } = await toyTrainer({
        settings: { evaluateEvery: { steps: 2 } },
        evaluation: {
          *batches() {
            if (at === 'evaluate') abort.abort('stop here')
            yield toyBatch(toyRows)
          },
        },
        save: async ({ step }) => {
          saved.push(step)
          return null
        },
        onEvent(event) {
          if (at === 'pause' && event.type === 'pause') setImmediate(() => abort.abort('stop here'))
        },
      })
      const run = trainer.train({ signal: abort.signal })
      if (at === 'pause') run.pause()
      await expect(run.result).rejects.toBe('stop here')
      expect(saved).toEqual([at === 'pause' ? 1 : 2])
    }
  })

  it('lets a save that is under way finish when it is aborted meanwhile', async () => {
    const abort = new AbortController()
    const saved: string[] = []
    const { trainer } = await toyTrainer({
      settings: { saveEvery: { steps: 2 } },
      async save({ step, kind }) {
        abort.abort('in between')
        await new Promise((resolve) => setImmediate(resolve))
        saved.push(`${kind} ${step}`)
        return null
      },
    })
    await expect(trainer.train({ signal: abort.signal }).result).rejects.toBe('in between')
    expect(saved).toEqual(['checkpoint 2', 'final 2'])
  })

  it('does not wait for an evaluation when it is stopped', async () => {
    let evaluated = 0
    const { trainer } = await toyTrainer({
      settings: { evaluateEvery: { steps: 2 }, saveEvery: { steps: 2 } },
      evaluation: {
        *batches() {
          for (; evaluated < 1000; evaluated++) {
            if (evaluated === 3) run.stop()
            yield toyBatch(toyRows)
          }
        },
      },
    })
    const run = trainer.train()
    expect(await run.result).toMatchObject({ globalStep: 2, reason: 'stopped' })
    expect(evaluated).toBe(3)
  })

  it('does nothing at all when the signal is aborted already', async () => {
    const { backend, counts } = countedBackend()
    const { trainer } = await toyTrainer({ backend })
    await expect(trainer.train({ signal: AbortSignal.abort('early') }).result).rejects.toBe('early')
    await expect(trainer.evaluate({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
    expect(counts.compiled).toEqual([])
  })

  it('names the parameters whose gradients are not finite, and keeps the values before', async () => {
    const poisoned: LossFunction = (model, inputs) => mul(lossOf(model)(model, inputs), inputs.factor!)
    const batch = toyBatch(toyRows)
    const factor = (value: number) => ({ ...batch, feeds: { ...batch.feeds, factor: hostTensor('f32', [], [value]) } })
    for (const [value, what] of [
      [Number.NaN, 'loss'],
      [Number.POSITIVE_INFINITY, 'loss'],
      [1e37, 'gradients'],
    ] as const) {
      const clean = await toyTrainer({ loss: poisoned, steps: toySteps([factor(1)], 2) })
      const broken = await toyTrainer({
        loss: poisoned,
        steps: toySteps((step) => [factor(step < 2 ? 1 : value)], 3),
        settings: { lrSchedulerType: 'constant' },
      })
      const schedule = { lrSchedulerType: 'constant' as const }
      const two = await toyTrainer({
        loss: poisoned,
        steps: toySteps([factor(1)], 2),
        settings: schedule,
        model: clean.model,
      })
      await two.trainer.train().result
      await expect(broken.trainer.train().result).rejects.toMatchObject({
        code: 'training.diverged',
        message: expect.stringContaining(what),
        details: { step: 3 },
      })
      expect(await broken.model.trainable()).toEqual(await two.model.trainable())
    }
  })

  it('names a loss that is not finite though all gradients are', async () => {
    // The constant does not reach the gradients.
    const batch = toyBatch(toyRows)
    const feeds = { ...batch.feeds, shift: hostTensor('f32', [], [Number.NaN]) }
    const { add } = await import('@espalier/core')
    const { trainer } = await toyTrainer({
      loss: (model, inputs) => add(lossOf(model)(model, inputs), inputs.shift!),
      steps: toySteps([{ ...batch, feeds }], 2),
    })
    await expect(trainer.train().result).rejects.toMatchObject({
      code: 'training.diverged',
      details: { step: 1, loss: 'NaN', parameters: [] },
    })
  })

  it('releases everything when compiling, uploading or running fails', async () => {
    for (const [operation, match] of [
      ['compile', 'accumulate'],
      ['compile', 'apply'],
      ['createState', 'grad:'],
      ['createState', 'embed'],
      ['run', 'apply'],
    ] as const) {
      const { backend, counts } = countedBackend()
      counts.before = (seen, name) => {
        if (seen === operation && name.includes(match)) throw new Error('out of memory')
      }
      const { trainer } = await toyTrainer({ backend })
      await expect(trainer.train().result).rejects.toThrow('out of memory')
      expect([operation, match, counts.held.size]).toEqual([operation, match, 0])
    }
  })

  it('keeps the trained values when saving fails, and ends with that error', async () => {
    const start = await toyModel().trainable()
    const { model, trainer } = await toyTrainer({
      settings: { saveEvery: { steps: 2 } },
      save: () => Promise.reject(new Error('disk full')),
    })
    const run = trainer.train()
    await expect(run.result).rejects.toThrow('disk full')
    const values = await model.trainable()
    expect(values.get('embed.weight')?.data).not.toEqual(start.get('embed.weight')?.data)
  })
})
