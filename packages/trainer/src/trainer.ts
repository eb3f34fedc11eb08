/**
 * The training loop: steps of micro-batches, evaluation, saving, stopping. It works on whatever loss, batches and optimizer it is given
 * and says everything through events; it prints and writes nothing itself.
 */
import {
  type Backend,
  EspalierError,
  type LossFunction,
  lossOf,
  type TrainableModel,
  type WeightSet,
} from '@espalier/core'
import type { EvaluationSource, StepBatch, StepSource } from './batches.js'
import type { TrainingEvent } from './events.js'
import { adamw } from './optimizers/adamw.js'
import type { Optimizer } from './optimizers/optimizer.js'
import { type RunControl, type TrainingResult, TrainingRun } from './run.js'
import { createSchedule, type SchedulerType } from './schedule.js'
import { microBatchSeed, TrainingSession } from './session.js'
import { checkRange, checkWhole } from './settings.js'

/** When something happens: never, every so many steps, or at the end of epochs. */
export type Cadence = 'no' | 'epoch' | { readonly steps: number }

/** Numbers of a run; names and meanings are transformers'. */
export interface TrainingSettings {
  /** Default 2e-4. */
  readonly learningRate?: number
  /** Default linear. */
  readonly lrSchedulerType?: SchedulerType
  readonly lrSchedulerKwargs?: Readonly<Record<string, unknown>>
  /** Steps, or below 1 a share of all steps. Default 0. */
  readonly warmupSteps?: number
  /** Decoupled decay of what is neither bias nor norm. Default 0. */
  readonly weightDecay?: number
  /** Default 1; 0 turns clipping off. */
  readonly maxGradNorm?: number
  /** Of dropout. Default 42. */
  readonly seed?: number
  readonly evaluateEvery?: Cadence
  readonly saveEvery?: Cadence
  /** Keeps the values with the lowest evaluation loss. */
  readonly loadBestModelAtEnd?: boolean
}

/** What a save hook is told; the model holds the values already. */
export interface SaveContext {
  readonly step: number
  readonly epoch: number
  readonly kind: 'checkpoint' | 'final'
}

/** What the hook between accumulation and the optimizer sees. */
export interface GradientContext {
  readonly step: number
  readonly count: number
  readonly session: TrainingSession
}

/** What a trainer is made of. */
export interface TrainerOptions {
  readonly model: TrainableModel
  readonly backend: Backend
  readonly weights: WeightSet
  readonly steps: StepSource
  readonly evaluation?: EvaluationSource
  /** Default: the task's own. */
  readonly loss?: LossFunction
  /** Default AdamW. */
  readonly optimizer?: Optimizer
  readonly settings?: TrainingSettings
  /** Writes what the model holds; returns where. */
  save?(context: SaveContext): Promise<string | null>
  /** Runs between gradients and the optimizer; may return another count, as data parallelism would. */
  onGradients?(context: GradientContext): Promise<number | undefined>
  /** Bytes of peak memory so far. */
  peakMemory?(): number
  /** Asked after every event; callers forward them to callbacks. */
  onEvent?(event: TrainingEvent): void
}

/** Trains a model; `train` may be called once at a time. */
export class Trainer {
  constructor(private readonly options: TrainerOptions) {
    const { learningRate = DEFAULT_RATE, weightDecay = 0, maxGradNorm = 1, warmupSteps = 0 } = options.settings ?? {}
    checkRange('learningRate', learningRate, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('weightDecay', weightDecay, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('maxGradNorm', maxGradNorm, 0, Number.POSITIVE_INFINITY, '[)')
    checkRange('warmupSteps', warmupSteps, 0, Number.POSITIVE_INFINITY, '[)')
    for (const cadence of [options.settings?.evaluateEvery, options.settings?.saveEvery])
      if (typeof cadence === 'object') checkWhole('steps', cadence.steps, 1)
  }

  /** A run; it starts at its first pull. */
  train({ signal }: { readonly signal?: AbortSignal } = {}): TrainingRun {
    return new TrainingRun((control) => new Loop(this.options, control, signal).run(), signal)
  }

  /** A run of a trainer that is only made when the run starts: preparing data belongs to the run then. */
  static deferred(create: () => Promise<Trainer>, signal?: AbortSignal): TrainingRun {
    return new TrainingRun(async (control) => new Loop((await create()).options, control, signal).run(), signal)
  }

  /** Mean loss over the evaluation's counted items with the model's present values. */
  async evaluate({
    signal,
  }: {
    readonly signal?: AbortSignal
  } = {}): Promise<{ readonly evalLoss: number; readonly perplexity: number }> {
    const session = await openSession(this.options)
    try {
      return await evaluateWith(session, this.options.evaluation, signal)
    } finally {
      await session.close()
    }
  }
}

const DEFAULT_RATE = 2e-4
const DEFAULT_SEED = 42 // transformers'
const ETA_MEMORY = 0.9 // share of the estimate that older steps keep

class Loop {
  private step = 0
  private epoch = 0
  private lossTotal = 0
  private stepSeconds: number | undefined
  private best: { readonly loss: number; readonly values: Awaited<ReturnType<TrainingSession['commit']>> } | undefined

  constructor(
    private readonly options: TrainerOptions,
    private readonly control: RunControl,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async run(): Promise<TrainingResult> {
    const { steps, settings = {} } = this.options
    this.signal?.throwIfAborted()
    const began = now()
    const session = await openSession(this.options)
    try {
      const schedule = createSchedule({
        type: settings.lrSchedulerType ?? 'linear',
        totalSteps: steps.totalSteps,
        learningRate: settings.learningRate ?? DEFAULT_RATE,
        warmupSteps: warmupOf(settings.warmupSteps ?? 0, steps.totalSteps),
        ...(settings.lrSchedulerKwargs === undefined ? {} : { parameters: settings.lrSchedulerKwargs }),
      })
      this.emit({
        type: 'start',
        totalSteps: steps.totalSteps,
        stepsPerEpoch: steps.stepsPerEpoch,
        trainableParameters: session.trainedCount,
      })
      for await (const batch of steps.steps()) {
        if (this.step >= steps.totalSteps || this.control.stopRequested || this.signal?.aborted) break
        await this.train(session, batch, schedule)
        await this.control.whileRunning(this.step)
        if (this.signal?.aborted) break
        await this.evaluateAndSave(session, batch.endsEpoch)
      }
      return await this.finish(session, began)
    } finally {
      await session.close()
    }
  }

  private async train(session: TrainingSession, batch: StepBatch, schedule: (step: number) => number): Promise<void> {
    const { settings = {}, onGradients, peakMemory } = this.options
    const began = now()
    let sum = 0
    for (const [index, microBatch] of batch.microBatches.entries()) {
      sum += await session.accumulate(microBatch, microBatchSeed(settings.seed ?? DEFAULT_SEED, this.step, index))
    }
    const counted = batch.microBatches.reduce((total, { count }) => total + count, 0)
    const count = (await onGradients?.({ step: this.step + 1, count: counted, session })) ?? counted
    const learningRate = schedule(this.step)
    const loss = sum / Math.max(counted, 1)
    const gradNorm = await session.apply({
      step: this.step + 1,
      count: Math.max(count, 1),
      learningRate,
      maxGradNorm: settings.maxGradNorm ?? 1,
    })
    const seconds = now() - began
    this.step++
    this.epoch = batch.epoch
    this.lossTotal += loss
    // The first step compiles; it tells nothing about the others once a second one is known.
    this.stepSeconds =
      this.stepSeconds === undefined || this.step === 2
        ? seconds
        : ETA_MEMORY * this.stepSeconds + (1 - ETA_MEMORY) * seconds
    const tokens = batch.microBatches.reduce((total, microBatch) => total + microBatch.tokens, 0)
    const { totalSteps } = this.options.steps
    this.emit({
      type: 'step',
      step: this.step,
      totalSteps,
      epoch: this.epoch,
      loss,
      learningRate,
      gradNorm,
      tokens,
      usefulTokens: counted,
      seconds,
      tokensPerSecond: tokens / Math.max(seconds, 1e-9),
      peakMemoryBytes: peakMemory?.() ?? 0,
      etaSeconds: this.stepSeconds * (totalSteps - this.step),
    })
  }

  private async evaluateAndSave(session: TrainingSession, endsEpoch: boolean): Promise<void> {
    const { settings = {}, evaluation } = this.options
    if (evaluation !== undefined && isDue(settings.evaluateEvery, this.step, endsEpoch)) await this.evaluate(session)
    if (isDue(settings.saveEvery, this.step, endsEpoch) && this.step < this.options.steps.totalSteps)
      await this.save(session, 'checkpoint')
  }

  private async evaluate(session: TrainingSession): Promise<void> {
    const began = now()
    const { evalLoss, perplexity } = await evaluateWith(session, this.options.evaluation, this.signal)
    const best = this.best === undefined || evalLoss < this.best.loss
    if (best && this.options.settings?.loadBestModelAtEnd === true)
      this.best = { loss: evalLoss, values: await session.commit() }
    this.emit({
      type: 'evaluate',
      step: this.step,
      epoch: this.epoch,
      evalLoss,
      perplexity,
      seconds: now() - began,
      best,
    })
  }

  private async save(session: TrainingSession, kind: SaveContext['kind']): Promise<void> {
    await session.commit()
    const { save } = this.options
    if (save === undefined) return
    const path = await save({ step: this.step, epoch: this.epoch, kind })
    this.emit({ type: 'save', step: this.step, path, kind })
  }

  private async finish(session: TrainingSession, began: number): Promise<TrainingResult> {
    if (this.best !== undefined) await session.restore(this.best.values)
    const aborted = this.signal?.aborted === true
    if (this.step > 0) await this.save(session, 'final')
    const done = this.step >= this.options.steps.totalSteps || !this.control.stopRequested
    const trainingLoss = this.lossTotal / Math.max(this.step, 1)
    this.emit({
      type: 'end',
      reason: aborted ? 'aborted' : done ? 'done' : 'stopped',
      globalStep: this.step,
      trainingLoss,
      seconds: now() - began,
    })
    this.signal?.throwIfAborted()
    return { globalStep: this.step, trainingLoss, reason: done ? 'done' : 'stopped' }
  }

  private emit(event: TrainingEvent): void {
    this.control.emit(event)
    this.options.onEvent?.(event)
  }
}

const UNDECAYED = /bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)/i // transformers' Trainer.get_decay_parameter_names

function openSession(options: TrainerOptions): Promise<TrainingSession> {
  const { model, backend, weights, settings = {} } = options
  const { weightDecay = 0, maxGradNorm = 1 } = settings
  return TrainingSession.open({
    model,
    backend,
    weights,
    loss: options.loss ?? lossOf(model.model),
    optimizer: options.optimizer ?? adamw(),
    clips: maxGradNorm > 0,
    weightDecay: (slot) => (UNDECAYED.test(slot) ? 0 : weightDecay),
  })
}

async function evaluateWith(
  session: TrainingSession,
  source: EvaluationSource | undefined,
  signal: AbortSignal | undefined,
): Promise<{ evalLoss: number; perplexity: number }> {
  if (source === undefined)
    throw new EspalierError('config.value', {
      what: 'there is nothing to evaluate on',
      fix: 'Give an evaluation data set',
    })
  let sum = 0
  let count = 0
  for await (const batch of source.batches()) {
    signal?.throwIfAborted()
    sum += await session.evaluate(batch)
    count += batch.count
  }
  const evalLoss = sum / Math.max(count, 1)
  return { evalLoss, perplexity: Math.exp(evalLoss) }
}

function warmupOf(warmup: number, totalSteps: number): number {
  return warmup < 1 ? Math.ceil(warmup * totalSteps) : Math.floor(warmup)
}

function isDue(cadence: Cadence | undefined, step: number, endsEpoch: boolean): boolean {
  if (cadence === undefined || cadence === 'no') return false
  return cadence === 'epoch' ? endsEpoch : step % cadence.steps === 0
}

function now(): number {
  return performance.now() / 1000
}
