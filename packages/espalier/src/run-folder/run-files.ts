/** The files of a run besides the adapter: what was asked for, every step, the state, and a page to look at. Each is written whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import type { EvaluateEvent, StepEvent, TrainingEvent } from '@espalier/trainer'
import { renderReport } from './report.js'

/** What a run is about. */
export interface RunFacts {
  /** Every option in force. */
  readonly config: Readonly<Record<string, unknown>>
  readonly versions: Readonly<Record<string, string>>
  readonly base: { readonly nameOrPath: string | null; readonly revision: string | null; readonly parameters: number }
  readonly data: readonly { readonly path: string; readonly sha256: string | null }[]
  readonly trainableParameters: string
  readonly supervision: readonly string[]
}

/** A line of log.jsonl. */
export type LogLine = Readonly<Record<string, number>>

/** Writes a run's files as events come. */
export class RunFiles {
  private readonly log: LogLine[] = []
  private writing: Promise<void> = Promise.resolve()

  private constructor(
    private readonly folder: string,
    private readonly facts: RunFacts,
    private readonly loggingSteps: number,
  ) {}

  /** Starts a run's files: run.json is there from the beginning. */
  static async open(folder: string, facts: RunFacts, loggingSteps = 1): Promise<RunFiles> {
    await mkdir(folder, { recursive: true })
    const machine = {
      platform: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      memoryBytes: totalmem(),
    }
    await writeWhole(
      join(folder, 'run.json'),
      `${JSON.stringify({ ...facts, machine, started: new Date().toISOString() }, null, 2)}\n`,
    )
    await writeWhole(join(folder, 'log.jsonl'), '')
    return new RunFiles(folder, facts, loggingSteps)
  }

  /** Notes an event; log lines reach the disk in order. */
  note(event: TrainingEvent): void {
    const line =
      event.type === 'step' && event.step % this.loggingSteps === 0
        ? stepLine(event)
        : event.type === 'evaluate'
          ? evaluationLine(event)
          : undefined
    if (line === undefined) return
    this.log.push(line)
    this.writing = this.writing.then(() => appendFile(join(this.folder, 'log.jsonl'), `${JSON.stringify(line)}\n`))
    this.writing.catch(() => {})
  }

  /** Writes the state and the report. Throws what writing threw before. */
  async close(settings: {
    readonly maxSteps: number
    readonly epochs: number
    readonly batchSize: number
  }): Promise<string> {
    await this.writing
    await writeWhole(
      join(this.folder, 'trainer_state.json'),
      `${JSON.stringify(trainerState(this.log, settings), null, 2)}\n`,
    )
    const report = join(this.folder, 'report.html')
    await writeWhole(report, renderReport(this.facts, this.log))
    return report
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

function evaluationLine({ step, epoch, evalLoss, perplexity, seconds }: EvaluateEvent): LogLine {
  return { step, epoch, eval_loss: evalLoss, eval_perplexity: perplexity, eval_runtime: seconds }
}

/** transformers' trainer_state.json. */
function trainerState(
  log: readonly LogLine[],
  { maxSteps, epochs, batchSize }: { readonly maxSteps: number; readonly epochs: number; readonly batchSize: number },
): Record<string, unknown> {
  const last = log.at(-1)
  const evaluations = log.filter((line) => line.eval_loss !== undefined)
  const best = evaluations.reduce<LogLine | undefined>(
    (a, b) => (a === undefined || (b.eval_loss ?? 0) < (a.eval_loss ?? 0) ? b : a),
    undefined,
  )
  return {
    best_global_step: best?.step ?? null,
    best_metric: best?.eval_loss ?? null,
    best_model_checkpoint: null,
    epoch: last?.epoch ?? 0,
    eval_steps: null,
    global_step: log.reduce((most, line) => Math.max(most, line.step ?? 0), 0),
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: log,
    logging_steps: 1,
    max_steps: maxSteps,
    num_input_tokens_seen: log.reduce((sum, line) => sum + (line.tokens ?? 0), 0),
    num_train_epochs: epochs,
    save_steps: 0,
    stateful_callbacks: {},
    total_flos: 0,
    train_batch_size: batchSize,
    trial_name: null,
    trial_params: null,
  }
}

/** A reader sees the old file or the whole new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const part = join(path, '..', `.${basename(path)}.${process.pid}.tmp`)
  await writeFile(part, text)
  await rename(part, path)
}
