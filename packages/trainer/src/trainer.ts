/** The trainer as its user holds it: checked settings, runs and evaluations. It prints and writes nothing itself. */
import { type Evaluation, evaluateWith } from './evaluate.js'
import { Loop } from './loop.js'
import { openSession } from './open-session.js'
import { TrainingRun } from './run.js'
import { checkRange, checkWhole } from './settings.js'
import { DEFAULT_RATE, type TrainerOptions } from './trainer-options.js'

/** Trains a model; `train` may be called once at a time. */
export class Trainer {
  /** Throws config.value for settings out of range. */
  constructor(private readonly options: TrainerOptions) {
    const { learningRate = DEFAULT_RATE, weightDecay = 0, maxGradNorm = 1, warmupSteps = 0 } = options.settings ?? {}
    checkRange('learningRate', learningRate, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('maxGradNorm', maxGradNorm, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('warmupSteps', warmupSteps, 0, Number.POSITIVE_INFINITY, '[)')
    for (const cadence of [options.settings?.evaluateEvery, options.settings?.saveEvery])
      if (typeof cadence === 'object') checkWhole('steps', cadence.steps, 1)
  }

  /** A run: await it for its result, or iterate its events; it starts by itself. */
  train({ signal }: { readonly signal?: AbortSignal } = {}): TrainingRun {
    return new TrainingRun((control) => new Loop(this.options, control, signal).run(), signal)
  }

  /** A run of a trainer that is only made when the run starts: preparing data belongs to the run then, and so does what comes `after`, however it ended; it is told what failed. */
  static deferred(
    create: () => Promise<Trainer>,
    signal?: AbortSignal,
    after: (failure?: unknown) => Promise<void> = async () => {},
  ): TrainingRun {
    return new TrainingRun(async (control) => {
      signal?.throwIfAborted()
      const result = await create()
        .then(({ options }) => new Loop(options, control, signal).run())
        .catch(async (failure: unknown) => {
          await after(failure)
          throw failure
        })
      await after()
      return result
    }, signal)
  }

  /** Mean loss and metrics over the evaluation's counted items with the model's present values. Throws config.value without evaluation data, or the signal's reason. */
  async evaluate({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Evaluation> {
    signal?.throwIfAborted()
    const session = await openSession(this.options, signal)
    try {
      return (await evaluateWith(session, this.options, { signal })) as Evaluation
    } finally {
      await session.close()
    }
  }
}
