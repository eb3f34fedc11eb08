/** The files of a run besides the adapter: what was asked for, every step, the state, and a page to look at. Each is written whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import { openTarget, textContent, writeError } from '@espalier/serialization'
import type { EvaluateEvent, StepEvent, TrainingEvent } from '@espalier/trainer'
import { renderReport } from './report.js'

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
  /** Of an adapter that trains; nothing of the base is counted. */
  readonly adapter?: { readonly parameters: number }
  readonly data: readonly { readonly path: string; readonly sha256: string | null }[]
  readonly trainableParameters: string
  readonly supervision: readonly string[]
}

/** What trainer_state.json says of the run as it was asked for. */
export interface StateSettings {
  readonly maxSteps?: number
  readonly epochs?: number
  readonly batchSize?: number
}

/** A line of log.jsonl. */
export type LogLine = Readonly<Record<string, number>>

/** Writes a run's files as events come. */
export class RunFiles {
  private readonly log: LogLine[] = []
  private writing: Promise<void> = Promise.resolve()
  private maxSteps = 0
  private bestModel: string | null = null
  private outcome: Readonly<Record<string, unknown>> | undefined

  private readonly started = new Date().toISOString()

  private constructor(
    private readonly folder: string,
    private readonly facts: RunFacts,
    private readonly loggingSteps: number,
  ) {}

  /** Starts a run's files: run.json is there from the beginning. */
  static async open(folder: string, facts: RunFacts, loggingSteps = 1): Promise<RunFiles> {
    const files = new RunFiles(folder, facts, loggingSteps)
    await files.writeFacts()
    await writeText(folder, 'log.jsonl', '')
    return files
  }

  /** Notes an event; lines reach the disk in order. Each save brings state and page up to date. */
  note(event: TrainingEvent): void {
    if (event.type === 'start') this.maxSteps = event.totalSteps
    if (event.type === 'end')
      this.outcome = { reason: event.reason, steps: event.globalStep, loss: event.trainingLoss, seconds: event.seconds }
    const line =
      event.type === 'step' && event.step % this.loggingSteps === 0
        ? stepLine(event)
        : event.type === 'evaluate'
          ? evaluationLine(event)
          : undefined
    if (line !== undefined) {
      this.log.push(line)
      this.later(() =>
        appendFile(join(this.folder, 'log.jsonl'), `${JSON.stringify(line)}\n`).catch((cause) => {
          throw writeError('log.jsonl', this.folder, cause)
        }),
      )
    }
    if (event.type === 'save' && event.kind === 'checkpoint') {
      const log = [...this.log]
      this.later(() => writeText(this.folder, 'report.html', renderReport(this.facts, log)))
    }
  }

  /** What a checkpoint holds of the run so far, by name. bestModel: the folder of the lowest evaluation loss, where it is kept. */
  checkpointTexts({ bestModel }: { readonly bestModel: string | null }): Readonly<Record<string, string>> {
    this.bestModel = bestModel
    return { 'trainer_state.json': this.state({}) }
  }

  /** Writes the state, the page and how it ended. settings: where `config` has other names than Python's. Throws what writing threw before. */
  async close(settings: StateSettings = {}): Promise<string> {
    await this.writing
    await this.writeFacts()
    await writeText(this.folder, 'trainer_state.json', this.state(settings))
    await writeText(this.folder, 'report.html', renderReport(this.facts, this.log))
    return join(this.folder, 'report.html')
  }

  private later(write: () => Promise<void>): void {
    this.writing = this.writing.then(write)
    this.writing.catch(() => {})
  }

  private writeFacts(): Promise<void> {
    const machine = {
      platform: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
    }
    const { facts, started, outcome } = this
    const ended = outcome === undefined ? {} : { ended: new Date().toISOString(), outcome }
    return writeText(this.folder, 'run.json', `${JSON.stringify({ ...facts, machine, started, ...ended }, null, 2)}\n`)
  }

  private state(settings: StateSettings): string {
    const { log, facts, maxSteps, bestModel } = this
    const state = trainerState(log, facts.config, { maxSteps, bestModel, ...settings })
    return `${JSON.stringify(state, null, 2)}\n`
  }
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
  settings: StateSettings & { readonly bestModel: string | null },
): Record<string, unknown> {
  const number = (name: string, otherwise: number) => {
    const value = Number(config[name] ?? Number.NaN)
    return Number.isFinite(value) ? value : otherwise
  }
  const evaluations = log.filter((line) => line.eval_loss !== undefined)
  const best = evaluations.reduce<LogLine | undefined>(
    (a, b) => (a === undefined || (b.eval_loss ?? 0) < (a.eval_loss ?? 0) ? b : a),
    undefined,
  )
  return {
    best_global_step: best?.step ?? null,
    best_metric: best?.eval_loss ?? null,
    best_model_checkpoint: settings.bestModel,
    epoch: log.at(-1)?.epoch ?? 0,
    eval_steps: number('eval_steps', number('logging_steps', 1)),
    global_step: log.reduce((most, line) => Math.max(most, line.step ?? 0), 0),
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: log,
    logging_steps: number('logging_steps', 1),
    max_steps: settings.maxSteps ?? 0,
    num_input_tokens_seen: log.reduce((sum, line) => sum + (line.tokens ?? 0), 0),
    num_train_epochs: Math.ceil(settings.epochs ?? number('num_train_epochs', 3)),
    save_steps: number('save_steps', 500),
    stateful_callbacks: {},
    total_flos: 0,
    train_batch_size: settings.batchSize ?? number('per_device_train_batch_size', 8),
    trial_name: null,
    trial_params: null,
  }
}

function writeText(folder: string, name: string, text: string): Promise<void> {
  return openTarget(folder).write(name, textContent(text))
}
