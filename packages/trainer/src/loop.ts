/**
 * The training loop: steps of micro-batches, evaluation, saving, stopping. It works on whatever loss, batches and optimizer it is given
 * and says everything through events.
 */
import { EspalierError, turns } from '@espalier/core'
import type { StepBatch } from './batches.js'
import { type BestMetric, bestMetric, isBetter, metricOf, plainMetrics, requireMetric } from './best-metric.js'
import { evaluateWith } from './evaluate.js'
import type { TrainingEvent } from './events.js'
import { requireFiniteValues } from './finite-start.js'
import type { TrainingMoment } from './moments.js'
import { openSession } from './open-session.js'
import type { RunControl, TrainingResult } from './run.js'
import { createSchedule } from './schedule.js'
import { microBatchSeed, type TrainingSession } from './session.js'
import {
  type Cadence,
  DEFAULT_RATE,
  DEFAULT_SEED,
  type RunOutcome,
  type TrainerOptions,
  type TrainingSettings,
} from './trainer-options.js'
import { type DueAtStep, stateKey, stateKinds, type TrainingState, tensorsOf } from './training-state.js'

const ETA_STEPS = 20 // whose median says how long a step takes: one that compiles a new shape says nothing about the others

/** One run from its first step to its last save. */
export class Loop {
  private step = 0
  private epoch = 0
  private endsEpoch = false
  private due: DueAtStep = 'nothing'
  private readonly losses = { sum: 0, count: 0 }
  /** The step of the latest checkpoint. */
  private saved: number | undefined
  /** Times of the latest steps. */
  private recent: readonly number[] = []
  private best: TrainingState['best'] = null
  /** The values of the best evaluation, where they are wanted at the end. */
  private bestValues: Awaited<ReturnType<TrainingSession['commit']>> | undefined

  private readonly rest = turns()
  private readonly metric: BestMetric

  constructor(
    private readonly options: TrainerOptions,
    private readonly control: RunControl,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.metric = bestMetric(options.settings ?? {})
  }

  /** Runs to the end. Rejects with what failed, or with the signal's reason after the last good state was saved. */
  async run(): Promise<TrainingResult> {
    this.signal?.throwIfAborted()
    const began = now()
    const session = await openSession(this.options, this.signal)
    try {
      await this.restore(session)
      await this.steps(session).catch(async (error: unknown) => {
        if (this.signal?.aborted === true && error === this.signal.reason) return
        // The steps before the failure are not lost: the model keeps their values. The failure itself is what the caller hears of.
        if (this.step > 0) await session.commit().catch(() => {})
        throw error
      })
      return await this.finish(session, began)
    } finally {
      await session.close()
    }
  }

  private async steps(session: TrainingSession): Promise<void> {
    const { steps, settings = {}, evaluation, metrics } = this.options
    if (evaluation !== undefined && metrics === undefined) requireMetric(this.metric, plainMetrics)
    await requireFiniteValues(this.options.model)
    const schedule = createSchedule({
      type: settings.lrSchedulerType ?? 'linear',
      totalSteps: steps.totalSteps,
      learningRate: settings.learningRate ?? DEFAULT_RATE,
      warmupSteps: warmupOf(settings, steps.totalSteps),
      ...(settings.lrSchedulerKwargs === undefined ? {} : { parameters: settings.lrSchedulerKwargs }),
    })
    await this.emit({
      type: 'start',
      step: this.step,
      epoch: this.epoch,
      totalSteps: steps.totalSteps,
      stepsPerEpoch: steps.stepsPerEpoch,
      trainableParameters: session.trainedCount,
    })
    for (const message of this.options.warnings ?? []) await this.emit({ type: 'warning', message })
    await this.finishStep(session)
    let isBetweenEpochs = true
    for await (const batch of steps.steps(this.step)) {
      if (this.step >= steps.totalSteps || this.control.stopRequested) return
      if (isBetweenEpochs) await this.moment('epoch-begin')
      await this.moment('step-begin')
      await this.train(session, batch, schedule)
      if (this.control.isPaused) await this.pause()
      this.signal?.throwIfAborted()
      await this.finishStep(session)
      isBetweenEpochs = batch.endsEpoch
    }
  }

  /** What is due at the step that was reached. A run that goes on does what the one before it did not come to. */
  private async finishStep(session: TrainingSession): Promise<void> {
    const { totalSteps } = this.options.steps
    if (this.due === 'step')
      await this.evaluateAndSave(session, 'epoch', (cadence) => isDueAtStep(cadence, this.step, totalSteps))
    if (this.due === 'nothing') return
    if (this.endsEpoch || this.step >= totalSteps || this.control.stopRequested) {
      await this.moment('epoch-end')
      await this.evaluateAndSave(session, 'nothing', (cadence) => cadence === 'epoch') // also where the run ends inside an epoch
    } else this.due = 'nothing'
  }

  private async train(session: TrainingSession, batch: StepBatch, schedule: (step: number) => number): Promise<void> {
    const { settings = {}, onGradients, onOptimizerStep } = this.options
    const began = now()
    const step = this.step + 1
    let sum = 0
    for (const [index, microBatch] of batch.microBatches.entries()) {
      await this.rest() // a backend may compute in this thread
      this.signal?.throwIfAborted()
      if (microBatch.count === 0) continue // its gradient is 0
      sum += await session.accumulate(microBatch, microBatchSeed(settings.seed ?? DEFAULT_SEED, this.step, index))
    }
    const counted = batch.microBatches.reduce((total, { count }) => total + count, 0)
    if (!Number.isFinite(sum)) await session.diverged(step, sum / counted)
    const count = (await onGradients?.({ step, count: counted, session })) ?? counted
    this.signal?.throwIfAborted()
    const learningRate = schedule(this.step)
    const maxGradNorm = settings.maxGradNorm ?? 1
    const penalty = count > 0 ? await session.addPenalty(count) : 0
    const gradNorm = count > 0 ? await session.apply({ step, count, learningRate, maxGradNorm }) : 0
    if (count > 0) await session.afterStep(step, async () => onOptimizerStep?.({ step, session }))
    this.step = step
    this.epoch = batch.epoch
    this.endsEpoch = batch.endsEpoch
    this.due = 'step'
    if (count === 0)
      await this.emit({ type: 'warning', message: `step ${step} has nothing to learn from; it changes nothing` })
    const loss = sum / Math.max(counted, 1) + penalty
    await this.report(batch, { loss, counted, learningRate, gradNorm, seconds: now() - began })
  }

  private async report(
    batch: StepBatch,
    done: {
      readonly loss: number
      readonly counted: number
      readonly learningRate: number
      readonly gradNorm: number
      readonly seconds: number
    },
  ): Promise<void> {
    const { loss, counted, learningRate, gradNorm, seconds } = done
    const { totalSteps } = this.options.steps
    if (counted > 0) {
      this.losses.sum += loss
      this.losses.count++
    }
    // The first step compiles; it tells nothing about the others once a second one is known.
    this.recent = [...(this.step === 2 ? [] : this.recent), seconds].slice(-ETA_STEPS)
    const tokens = batch.microBatches.reduce((total, microBatch) => total + microBatch.tokens, 0)
    await this.emit({
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
      peakMemoryBytes: this.options.peakMemory?.() ?? 0,
      etaSeconds: median(this.recent) * Math.max(0, totalSteps - this.step),
    })
  }

  private async pause(): Promise<void> {
    await this.emit({ type: 'pause', step: this.step })
    await this.control.untilResumed()
    await this.emit({ type: 'resume', step: this.step })
  }

  /** next: what is due of the step afterwards. */
  private async evaluateAndSave(
    session: TrainingSession,
    next: DueAtStep,
    isDue: (cadence: Cadence) => boolean,
  ): Promise<void> {
    if (this.control.stopRequested) return
    const { settings = {}, evaluation } = this.options
    const evaluates = this.control.take('evaluate') || isDue(settings.evaluateEvery ?? 'no')
    if (evaluation !== undefined && evaluates && !(await this.evaluate(session))) return
    this.due = next
    const saves = this.control.take('save') || isDue(settings.saveEvery ?? 'no')
    if (saves && !this.control.stopRequested) await this.saveCheckpoint(session)
  }

  /** Whether it came to its end. */
  private async evaluate(session: TrainingSession): Promise<boolean> {
    const began = now()
    // Whoever stops a run waits for its step, not for an evaluation.
    const isStopped = () => this.control.stopRequested
    const found = await evaluateWith(session, this.options, { signal: this.signal, isStopped })
    if (found === undefined) return false
    const { evalLoss, perplexity, metrics } = found
    const metric = metricOf(this.metric, found)
    const best = isBetter(this.metric, metric, this.best?.metric ?? null)
    if (best) this.best = { metric, step: this.step }
    if (best && this.options.settings?.loadBestModelAtEnd === true) this.bestValues = await session.commit()
    await this.emit({
      type: 'evaluate',
      step: this.step,
      epoch: this.epoch,
      evalLoss,
      perplexity,
      metrics,
      seconds: now() - began,
      best,
    })
    return true
  }

  private async saveCheckpoint(session: TrainingSession): Promise<void> {
    await this.save(session, this.step, null)
    this.saved = this.step
  }

  /** valuesOf: the step whose values the session holds. outcome: null of a checkpoint. */
  private async save(session: TrainingSession, valuesOf: number | null, outcome: RunOutcome | null): Promise<void> {
    await session.commit()
    const { save } = this.options
    if (save === undefined) return
    const { best } = this
    const kind = outcome === null ? 'checkpoint' : 'final'
    const { step, epoch } = this
    const state = () => this.state(session)
    const path = await save({ step, epoch, kind, best, isBest: valuesOf === (best?.step ?? null), outcome, state })
    await this.emit({ type: 'save', step, path, kind })
  }

  private async state(session: TrainingSession): Promise<TrainingState> {
    const { step, epoch, endsEpoch, due, losses, best, bestValues, options } = this
    const tensors = await session.state()
    if (best?.step !== step)
      for (const [slot, value] of bestValues ?? []) tensors.set(stateKey(stateKinds.best, slot), value)
    return {
      step,
      epoch,
      endsEpoch,
      due,
      losses: { ...losses },
      best,
      tensors,
      configurations: options.model.configurations?.() ?? {},
    }
  }

  private async restore(session: TrainingSession): Promise<void> {
    const { resume, model, settings } = this.options
    if (resume === undefined) return
    await session.restore(resume.tensors)
    model.setConfigurations?.(resume.configurations)
    const { step, epoch, endsEpoch, due, losses, best, tensors } = resume
    Object.assign(this.losses, losses)
    Object.assign(this, { step, epoch, endsEpoch, due, saved: due === 'step' ? undefined : step })
    this.best = best
    if (best === null) return
    if (settings?.loadBestModelAtEnd !== true) return
    const kind = best.step === step ? stateKinds.parameter : stateKinds.best
    const values = tensorsOf(tensors, kind)
    if (values.size === 0) throw withoutBest(best)
    this.bestValues = new Map(values)
  }

  private async finish(session: TrainingSession, began: number): Promise<TrainingResult> {
    const aborted = this.signal?.aborted === true
    const saves = (this.options.settings?.saveEvery ?? 'no') !== 'no'
    if (this.step > 0 && saves && this.saved !== this.step) await this.saveCheckpoint(session)
    const best = aborted ? undefined : this.bestValues
    if (best !== undefined) await session.write(best)
    const done = this.step >= this.options.steps.totalSteps || !this.control.stopRequested
    const reason = done ? 'done' : 'stopped'
    const trainingLoss = this.losses.sum / Math.max(this.losses.count, 1)
    const outcome = (): RunOutcome => ({ reason: aborted ? 'aborted' : reason, trainingLoss, seconds: now() - began })
    if (this.step > 0) await this.save(session, best === undefined ? this.step : (this.best?.step ?? null), outcome())
    await this.emit({ type: 'end', globalStep: this.step, ...outcome() })
    this.signal?.throwIfAborted()
    return { globalStep: this.step, trainingLoss, reason }
  }

  private async emit(event: TrainingEvent): Promise<void> {
    this.control.emit(event)
    await this.options.onEvent?.(event)
  }

  private async moment(type: TrainingMoment['type']): Promise<void> {
    await this.options.onMoment?.({ type, step: this.step, epoch: this.epoch })
  }
}

/** transformers 5: from 1 on a number of steps, below it a share of all steps, rounded up. transformers 4's ratio is a share up to the whole. */
function warmupOf({ warmupSteps = 0, warmupRatio = 0 }: TrainingSettings, totalSteps: number): number {
  const share = warmupSteps === 0 ? warmupRatio : warmupSteps
  return warmupSteps < 1 ? Math.ceil(share * totalSteps) : Math.floor(warmupSteps)
}

function withoutBest(best: object): EspalierError {
  return new EspalierError('checkpoint.unfit', {
    what: 'the training state of a checkpoint lacks the values of the best evaluation, which the run is to end with',
    got: { best },
    fix: 'Go on without loadBestModelAtEnd, or from the checkpoint of that evaluation',
  })
}

// A run ends with an evaluation, as in transformers 5, also between two that were due.
function isDueAtStep(cadence: Cadence, step: number, totalSteps: number): boolean {
  return typeof cadence === 'object' && (step % cadence.steps === 0 || step >= totalSteps)
}

function now(): number {
  return performance.now() / 1000
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
