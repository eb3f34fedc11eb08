/** The files of a run besides the adapter: what was asked for, every step, the state, and a page to look at. Each is written whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, open, stat } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import type { EspalierError } from '@espalier/core'
import { openTarget, textContent } from '@espalier/serialization'
import type { EvaluateEvent, RunOutcome, RunPosition, StepEvent, TrainingEvent } from '@espalier/trainer'
import { renderReport } from './report.js'

/** Rows that a run read. */
export interface DataFact {
  /** A path, or what a data set is called. */
  readonly path: string
  /** Of a file; rows from elsewhere have none. */
  readonly sha256?: string
}

/** What a run is about. */
export interface RunFacts {
  /** Every option in force. */
  readonly config: Readonly<Record<string, unknown>>
  /** Defaults in force that differ from Python's, with the reasons. */
  readonly notAsInPython?: Readonly<
    Record<string, { readonly here: string; readonly python: string; readonly why: string }>
  >
  readonly versions: Readonly<Record<string, string>>
  readonly backend?: string
  readonly base: {
    readonly nameOrPath: string | null
    readonly revision: string | null
    readonly parameters: number
    readonly sha256?: Readonly<Record<string, string>>
  }
  /** Hashes of the tokenizer's files and of its chat template; nothing of a model without one. */
  readonly tokenizer?: { readonly sha256: Readonly<Record<string, string>> }
  /** Of an adapter that trains; nothing of the base is counted. */
  readonly adapter?: { readonly parameters: number }
  readonly data: readonly DataFact[]
  /** Where there are rows to evaluate on. */
  readonly evaluationData?: readonly DataFact[]
  /** Where the run goes on from a checkpoint: which, and what has changed since it began, in words. */
  readonly resumed?: { readonly checkpoint: string; readonly step: number; readonly changes: readonly string[] }
  readonly trainableParameters: string
  readonly supervision: readonly string[]
}

/** A line of log.jsonl. */
export type LogLine = Readonly<Record<string, number>>

/** What a run that goes on has told before. */
export interface EarlierFiles {
  readonly log: readonly LogLine[]
  readonly reached: Reached
}

/** How a run's files are written. */
export interface RunFilesOptions {
  /** Steps between lines of the log. Default 1. */
  readonly loggingSteps?: number
  readonly earlier?: EarlierFiles
  /** What callbacks keep, by their names, for transformers' `stateful_callbacks`. */
  callbackStates?(): Readonly<Record<string, object>>
  /** Told, once, that the log cannot be written, which ends no run. */
  warn?(message: string): void
}

/** Writes a run's files as events come. */
export class RunFiles {
  private readonly log: LogLine[] = []
  private writing: Promise<void> = Promise.resolve()
  private plan = { totalSteps: 0, stepsPerEpoch: 1 }
  private reached: Reached = { step: 0, epoch: 0, tokens: 0 }
  /** Lines of the log on the disk; undefined where the last ones are in doubt. */
  private logged: number | undefined = 0
  private hasWarned = false
  private readonly started = new Date().toISOString()

  private constructor(
    private readonly folder: string,
    private readonly facts: RunFacts,
    private readonly options: RunFilesOptions,
  ) {}

  /** Starts a run's files: run.json is there from the beginning. */
  static async open(folder: string, facts: RunFacts, options: RunFilesOptions = {}): Promise<RunFiles> {
    const files = new RunFiles(folder, facts, options)
    const { log = [], reached = files.reached } = options.earlier ?? {}
    files.log.push(...log)
    files.logged = log.length
    files.reached = reached
    await writeText(folder, 'run.json', files.runText())
    await writeText(folder, 'log.jsonl', logText(log))
    return files
  }

  /** Notes an event; lines reach the disk in order, and the page follows each checkpoint. */
  note(event: TrainingEvent): void {
    const { loggingSteps = 1 } = this.options
    if (event.type === 'start') this.plan = event
    if (event.type === 'step')
      this.reached = { step: event.step, epoch: event.epoch, tokens: this.reached.tokens + event.tokens }
    const line =
      event.type === 'step' && event.step % loggingSteps === 0
        ? stepLine(event)
        : event.type === 'evaluate'
          ? evaluationLine(event)
          : undefined
    if (line !== undefined) {
      this.log.push(line)
      this.later(() => this.writeLog())
    }
    if (event.type === 'save' && event.kind === 'checkpoint') {
      const page = renderReport(this.facts, this.log)
      this.later(() => writeText(this.folder, 'report.html', page))
    }
  }

  /** What a checkpoint holds of the run so far, by name. */
  checkpointTexts(best: BestSoFar): Readonly<Record<string, string>> {
    return { 'trainer_state.json': this.stateText(best) }
  }

  /** What lies beside the result, by name: how the run ended, its state and its page; the log too where a line of it was lost. */
  async finalTexts({ step, outcome, ...best }: RunEnd): Promise<Readonly<Record<string, string>>> {
    await this.writing
    await this.flushLog()
    const { reason, trainingLoss: loss, seconds } = outcome
    return {
      ...((await this.isLogLost()) ? { 'log.jsonl': logText(this.log) } : {}),
      'run.json': this.runText({ reason, steps: step, loss, seconds }),
      'trainer_state.json': this.stateText(best),
      'report.html': renderReport(this.facts, this.log),
    }
  }

  /** Notes in run.json that the run came to no result, and why. */
  async failed(error: unknown): Promise<void> {
    await this.writing
    const { code, message } = error as Partial<EspalierError>
    const outcome = { reason: 'failed', code: code ?? null, error: message ?? String(error) }
    await writeText(this.folder, 'run.json', this.runText(outcome)).catch(() => {}) // the failure itself is what counts
  }

  // The values of a run are worth more than its log: what cannot be written now is written with the next line, or with the result.
  private later(write: () => Promise<void>): void {
    this.writing = this.writing.then(write).catch((error: unknown) => {
      if (!this.hasWarned) this.options.warn?.(`the log of the run cannot be written now: ${messageOf(error)}`)
      this.hasWarned = true
    })
  }

  private async writeLog(): Promise<void> {
    const { logged, log } = this
    const count = log.length
    this.logged = undefined
    if (logged === undefined) await writeText(this.folder, 'log.jsonl', logText(log.slice(0, count)))
    else await appendFile(join(this.folder, 'log.jsonl'), logText(log.slice(logged, count)))
    this.logged = count
  }

  // Lines are appended without waiting for the disk, which would cost each step a flush.
  private async flushLog(): Promise<void> {
    const handle = await open(join(this.folder, 'log.jsonl'), 'r+').catch(() => undefined)
    await handle?.sync().catch(() => {})
    await handle?.close().catch(() => {})
  }

  /** Whether lines are missing that can be written beside the result. */
  private async isLogLost(): Promise<boolean> {
    if (this.logged === this.log.length) return false
    const found = await stat(join(this.folder, 'log.jsonl')).catch(() => undefined)
    return found?.isDirectory() !== true
  }

  private runText(outcome?: Readonly<Record<string, unknown>>): string {
    const machine = {
      platform: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
    }
    const ended = outcome === undefined ? {} : { ended: new Date().toISOString(), outcome }
    return `${JSON.stringify({ ...this.facts, machine, started: this.started, ...ended }, null, 2)}\n`
  }

  private stateText(best: BestSoFar): string {
    const callbacks = this.options.callbackStates?.() ?? {}
    const state = trainerState(this.log, this.facts.config, { ...this.plan, ...this.reached, ...best, callbacks })
    return `${JSON.stringify(state, null, 2)}\n`
  }
}

/** Where a run is; the log may skip steps. */
export interface Reached {
  readonly step: number
  readonly epoch: number
  /** Of all steps so far. */
  readonly tokens: number
}

/** The best evaluation of a run so far, and the folder of its values where they are kept. */
export interface BestSoFar {
  readonly best: RunPosition['best']
  readonly bestModel: string | null
}

/** How a run came to its result. */
export interface RunEnd extends BestSoFar {
  readonly step: number
  readonly outcome: RunOutcome
}

function logText(lines: readonly LogLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A file of rows as run.json tells it. */
export async function dataFact(path: string): Promise<DataFact> {
  const sha256 = await fileHash(path)
  return { path, ...(sha256 === null ? {} : { sha256 }) }
}

/** SHA-256 of a file, in hexadecimal; null when it is none. */
export async function fileHash(path: string): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  } catch {
    return null
  }
  return hash.digest('hex')
}

function stepLine(event: StepEvent): LogLine {
  return {
    step: event.step,
    epoch: event.epoch,
    loss: event.loss,
    learning_rate: event.learningRate,
    grad_norm: event.gradNorm,
    tokens: event.tokens,
    useful_tokens: event.usefulTokens,
    seconds: event.seconds,
    tokens_per_second: event.tokensPerSecond,
    peak_memory_bytes: event.peakMemoryBytes,
  }
}

function evaluationLine({ step, epoch, evalLoss, perplexity, metrics, seconds }: EvaluateEvent): LogLine {
  const measured = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]))
  return { step, epoch, eval_loss: evalLoss, eval_perplexity: perplexity, ...measured, eval_runtime: seconds }
}

/** transformers' trainer_state.json, its keys sorted as there. config: options by snake_case name, as words or values. */
function trainerState(
  log: readonly LogLine[],
  config: Readonly<Record<string, unknown>>,
  run: Reached &
    BestSoFar & {
      readonly totalSteps: number
      readonly stepsPerEpoch: number
      readonly callbacks: Readonly<Record<string, object>>
    },
): Record<string, unknown> {
  const number = (name: string, otherwise: number) => {
    const value = Number(config[name] ?? Number.NaN)
    return Number.isFinite(value) ? value : otherwise
  }
  return {
    best_global_step: run.best?.step ?? null,
    best_metric: run.best?.metric ?? null,
    best_model_checkpoint: run.bestModel,
    epoch: run.epoch,
    eval_steps: number('eval_steps', number('logging_steps', 1)),
    global_step: run.step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: log,
    logging_steps: number('logging_steps', 1),
    max_steps: run.totalSteps,
    num_input_tokens_seen: run.tokens,
    num_train_epochs: Math.ceil(run.totalSteps / run.stepsPerEpoch),
    save_steps: number('save_steps', 500),
    stateful_callbacks: run.callbacks,
    total_flos: 0,
    train_batch_size: number('per_device_train_batch_size', 8),
    trial_name: null,
    trial_params: null,
  }
}

function writeText(folder: string, name: string, text: string): Promise<void> {
  return openTarget(folder).write(name, textContent(text))
}
