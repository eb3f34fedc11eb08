/** A run as its user holds it: a promise of its result that is an async iterable of events too, and can be paused and stopped. */
import { requireParts } from '@espalier/core'
import type { TrainingEvent, WarningEvent } from './events.js'

/** What a finished run came to. */
export interface TrainingResult {
  readonly globalStep: number
  /** Mean of the steps' losses. */
  readonly trainingLoss: number
  readonly reason: 'done' | 'stopped'
}

/** What the loop sees of the run. */
export interface RunControl {
  readonly stopRequested: boolean
  emit(event: TrainingEvent): void
  /** Whether something was asked for; asking again is a new request. */
  take(request: 'save' | 'evaluate'): boolean
  readonly isPaused: boolean
  /** Resolves when the run is no longer paused: resumed, stopped or aborted. */
  untilResumed(): Promise<void>
}

/**
 * A training run: awaited it trains and gives the result, iterated it gives the events, and both may be done to the same run.
 * It starts by itself once the code that made it has gone on, so it may be paused before its first step. Events of steps
 * coalesce when they are not read in time; others never do. Leaving a `for await` stops the run after its step.
 */
export class TrainingRun implements Promise<TrainingResult>, AsyncIterable<TrainingEvent> {
  readonly [Symbol.toStringTag] = 'TrainingRun'
  private readonly queue: TrainingEvent[] = []
  private started: Promise<TrainingResult> | undefined
  private finished = false
  private stopped = false
  private paused: { readonly promise: Promise<void>; release(): void } | undefined
  private readonly requests = new Set<'save' | 'evaluate'>()
  private readonly waiting = new Set<() => void>()

  constructor(
    private readonly work: (control: RunControl) => Promise<TrainingResult>,
    private readonly signal?: AbortSignal,
  ) {
    if (signal !== undefined)
      requireParts('signal', signal, ['aborted', 'addEventListener'], 'Give the signal of an AbortController')
    queueMicrotask(() => this.start())
  }

  /** What awaiting the run gives, as a plain promise; rejects with what failed, or with the signal's reason. Unread failures raise nothing. */
  get result(): Promise<TrainingResult> {
    return this.start()
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a promise of its result
  then<Value = TrainingResult, Failure = never>(
    onResult?: ((result: TrainingResult) => Value | PromiseLike<Value>) | null,
    onFailure?: ((reason: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Value | Failure> {
    return this.start().then(onResult, onFailure)
  }

  catch<Failure = never>(
    onFailure?: ((reason: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<TrainingResult | Failure> {
    return this.start().catch(onFailure)
  }

  finally(onEnd?: (() => void) | null): Promise<TrainingResult> {
    return this.start().finally(onEnd)
  }

  /** Finishes the step, saves, and ends. */
  stop(): void {
    this.stopped = true
    this.resume()
  }

  /** Saves a checkpoint after the step, besides those that are due. */
  requestSave(): void {
    this.requests.add('save')
  }

  /** Evaluates after the step, besides what is due. */
  requestEvaluation(): void {
    this.requests.add('evaluate')
  }

  /** Waits after the step until `resume`. */
  pause(): void {
    if (this.paused !== undefined || this.finished || this.stopped || this.signal?.aborted === true) return
    let release = () => {}
    const promise = new Promise<void>((resolve) => {
      release = resolve
    })
    this.paused = { promise, release }
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.paused?.release()
    this.paused = undefined
  }

  /** Tells whoever iterates the run something that does not stop it; the event. */
  warn(message: string): WarningEvent {
    const event = { type: 'warning', message } as const
    this.tell(event)
    return event
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    this.start()
    try {
      while (true) {
        const event = this.queue.shift()
        if (event !== undefined) yield event
        else if (this.finished) break
        else
          await new Promise<void>((resolve) => {
            this.waiting.add(resolve)
          })
      }
    } finally {
      if (!this.finished) this.stop()
      // Whoever leaves early hears of a failure too: what was to be saved may not be there.
      await this.started
    }
  }

  private start(): Promise<TrainingResult> {
    if (this.started === undefined) {
      this.started = this.work(this.control()).then(
        (result) => {
          this.end()
          return result
        },
        (reason: unknown) => {
          this.end()
          throw reason
        },
      )
      this.started.catch(() => {})
      const resume = () => this.resume()
      this.signal?.addEventListener('abort', resume, { once: true })
      // A signal may outlive many runs.
      const forget = () => this.signal?.removeEventListener('abort', resume)
      this.started.then(forget, forget)
    }
    return this.started
  }

  private end(): void {
    this.finished = true
    this.notify()
  }

  private notify(): void {
    for (const wake of this.waiting) wake()
    this.waiting.clear()
  }

  private tell(event: TrainingEvent): void {
    if (event.type === 'step' && this.queue.at(-1)?.type === 'step') this.queue.pop()
    this.queue.push(event)
    this.notify()
  }

  private control(): RunControl {
    const run = this
    return {
      get stopRequested() {
        return run.stopped
      },
      emit: (event) => run.tell(event),
      take: (request) => run.requests.delete(request),
      get isPaused() {
        return run.paused !== undefined
      },
      async untilResumed() {
        while (run.paused !== undefined) await run.paused.promise
      },
    }
  }
}
