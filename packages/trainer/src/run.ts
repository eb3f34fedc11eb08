/** A run as its user holds it: an async iterable of events that starts at the first pull, can be paused and stopped, and has a result. */
import type { TrainingEvent } from './events.js'

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
  /** Resolves at once unless the run is paused; then when it is resumed, stopped or aborted. */
  whileRunning(step: number): Promise<void>
}

/** A training run. Events of steps coalesce when they are not read in time; others never do. Leaving a `for await` stops the run after its step. */
export class TrainingRun implements AsyncIterable<TrainingEvent> {
  private readonly queue: TrainingEvent[] = []
  private started: Promise<TrainingResult> | undefined
  private finished = false
  private failure: { readonly reason: unknown } | undefined
  private stopped = false
  private paused: { readonly promise: Promise<void>; release(): void } | undefined
  private wake: (() => void) | undefined

  constructor(
    private readonly work: (control: RunControl) => Promise<TrainingResult>,
    private readonly signal?: AbortSignal,
  ) {}

  /** Starts the run if needed; rejects with what failed, or with the signal's reason. Unread failures raise nothing. */
  get result(): Promise<TrainingResult> {
    return this.start()
  }

  /** Finishes the step, saves, and ends. */
  stop(): void {
    this.stopped = true
    this.resume()
  }

  /** Waits after the step until `resume`. */
  pause(): void {
    if (this.paused !== undefined || this.finished) return
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

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    this.start()
    try {
      while (true) {
        const event = this.queue.shift()
        if (event !== undefined) yield event
        else if (this.failure !== undefined) throw this.failure.reason
        else if (this.finished) return
        else
          await new Promise<void>((resolve) => {
            this.wake = resolve
          })
      }
    } finally {
      if (!this.finished) {
        this.stop()
        await this.started?.catch(() => {})
      }
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
          this.failure = { reason }
          this.end()
          throw reason
        },
      )
      this.started.catch(() => {})
      this.signal?.addEventListener('abort', () => this.resume(), { once: true })
    }
    return this.started
  }

  private end(): void {
    this.finished = true
    this.notify()
  }

  private notify(): void {
    this.wake?.()
    this.wake = undefined
  }

  private control(): RunControl {
    const run = this
    return {
      get stopRequested() {
        return run.stopped
      },
      emit(event) {
        if (event.type === 'step' && run.queue.at(-1)?.type === 'step') run.queue.pop()
        run.queue.push(event)
        run.notify()
      },
      async whileRunning(step) {
        const { paused } = run
        if (paused === undefined) return
        this.emit({ type: 'pause', step })
        await paused.promise
        this.emit({ type: 'resume', step })
      },
    }
  }
}
