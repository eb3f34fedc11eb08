/** `espalier train`: says what it will do, trains, and leaves the run folder. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfiguredTuner, TaskType } from '@espalier/core'
import type { TrainingRun } from '@espalier/trainer'
import { type HeadToTrain, headToTrain } from '../auto/head-to-train.js'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { checkOutputPlace, type OutputSources } from '../run-folder/output-place.js'
import { dataFact } from '../run-folder/run-files.js'
import { lockFolder, type RunLock } from '../run-folder/run-lock.js'
import type { TrainOptions } from '../training/call-options.js'
import type { TrainerCallback } from '../training/callbacks.js'
import { earlyStopping } from '../training/early-stopping.js'
import { DEFAULT_SEED } from '../training/training-arguments.js'
import { type RunData, runData } from './data-files.js'
import { asOptions } from './failure.js'
import { commandToGoOn } from './go-on.js'
import { checkHeadOptions } from './head-options.js'
import { loadWithHead } from './load.js'
import { inOptions, resumeOptions } from './resume.js'
import { codeAfter, type Interruption, onInterrupt } from './signals.js'
import { Progress, result } from './terminal.js'
import { adapted, adapterNotes, checkArguments, newTuner, sftArguments, withStrategies } from './train-arguments.js'
import { defaultsOf, differences, differencesOf, headLine, preflightLines, show } from './train-lines.js'
import { trainerOf } from './trainer-of.js'
import { defined, type Values } from './values.js'

const HEAD_START_MS = 100 // to ask for weights that are in the cache; to widen others takes longer, and faults of the data come first

/** Runs the command; its exit code. */
export async function train(given: Values): Promise<number> {
  given.needed('model')
  const inspects = given.flag('inspect-data') === true
  const outputDir = inspects ? (given.text('output-dir') ?? '') : given.needed('output-dir') // looking writes nothing
  if (!inspects) await checkOutputPlace(outputDir, sourcesOf(given))
  const data = await runData(given)
  const values = withStrategies(given, data)
  checkArguments(values, inspects ? undefined : outputDir, data)
  const tuner = await newTuner(values)
  if (inspects) return trainInto({ values, outputDir, data, tuner, inspects })
  const lock = await lockFolder(outputDir)
  try {
    const resume = await resumeOptions(values, outputDir)
    return await trainInto({ values, outputDir, data, tuner, inspects, lock, resume })
  } finally {
    await lock.release()
  }
}

/** What is read while the run writes. */
function sourcesOf(values: Values): OutputSources {
  const evaluation = values.text('eval-data')
  return {
    base: values.text('model'),
    adapter: values.text('adapter'),
    tokenizer: values.text('tokenizer'),
    data: [...(values.list('data') ?? []), ...(evaluation === undefined ? [] : [evaluation])],
  }
}

/** What a run is asked for, checked before the model is looked for. */
interface RunRequest {
  readonly values: Values
  readonly outputDir: string
  readonly data: RunData
  /** The new adapter; undefined where a loaded one, or everything, trains. */
  readonly tuner: ConfiguredTuner | undefined
  /** Looks at the data and stops: nothing is computed or written. */
  readonly inspects: boolean
  readonly lock?: RunLock
  /** What the run goes on from. */
  readonly resume?: TrainOptions
}

async function trainInto(request: RunRequest): Promise<number> {
  const { values, data } = request
  const progress = new Progress(values.flag('quiet') === true)
  for (const line of [...values.notes.map((note) => `note: ${note}`), ...hints(values, data)]) progress.line(line)
  const run = new Run(request, progress)
  try {
    await run.finish()
    return run.interruption?.code ?? 0
  } catch (error) {
    progress.clear()
    return codeAfter(run.interruption, inOptions(error))
  } finally {
    run.interruption?.end()
    progress.end()
  }
}

class Run {
  /** Signals that came; none are listened to before a step is done, so that they end the process by themselves. */
  interruption: Interruption | undefined
  private readonly opening = new AbortController()
  private training: TrainingRun | undefined
  private head: HeadToTrain | undefined

  constructor(
    private readonly request: RunRequest,
    private readonly progress: Progress,
  ) {}

  async finish(): Promise<void> {
    const { values, tuner, inspects } = this.request
    const { signal } = this.opening
    const loaded = await loadWithHead(values, this.progress, signal, {
      computes: !inspects,
      isTrainable: true,
      seed: values.number('seed') ?? DEFAULT_SEED,
      headOf: (model) => this.headOf(model),
    })
    try {
      const { task } = loaded.model
      checkHeadOptions(values, task)
      const say = (line: string) => this.progress.line(line)
      const note = this.head?.note === undefined ? [] : [`note: ${this.head.note}`]
      for (const line of [headLine(loaded, this.head), ...note, ...differences(values, loaded)]) say(line) // once there is something to train
      await this.prepareAndTrain(adapted(loaded, tuner, values, say))
    } finally {
      this.opening.abort() // weights that nobody waits for any more
      await loaded.close()
    }
  }

  // Of a model without an adapter, which has a head of its own.
  private async headOf(model: string): Promise<HeadToTrain> {
    const { values, data, tuner } = this.request
    const { train: rows, evaluation } = data
    const asked = (values.text('task-type') ?? tuner?.metadata.taskType ?? undefined) as TaskType | undefined
    this.head = await headToTrain(model, {
      signal: this.opening.signal,
      task: asked,
      numLabels: values.number('num-labels'),
      rows: evaluation === undefined ? [rows] : [rows, evaluation],
    })
    return this.head
  }

  private stop(): void {
    this.progress.line('finishing this step and saving; once more leaves at once')
    this.training?.stop()
  }

  private async prepareAndTrain(model: PretrainedModel | PeftModel): Promise<void> {
    const { values, data, outputDir, inspects, lock } = this.request
    const { progress } = this
    const { signal } = this.opening
    const args = sftArguments(values, inspects ? undefined : outputDir)
    // Read while the data are prepared, which leaves this thread no time to ask for them. Who needs them hears of a failure.
    if (!inspects)
      await Promise.race([model.weights({ signal }).catch(() => {}), sleep(HEAD_START_MS, undefined, { ref: false })])
    const { task } = model.model
    const trainer = trainerOf(values, {
      model,
      args,
      trainDataset: data.train,
      ...(data.evaluation === undefined ? {} : { evalDataset: data.evaluation }),
      ...(lock === undefined ? {} : { lock }),
      runFacts: {
        config: { ...defaultsOf(task), ...values.given() },
        notAsInPython: differencesOf(values, model),
        data: await Promise.all(data.paths.map(dataFact)),
        ...(data.evaluationPaths.length === 0
          ? {}
          : { evaluationData: await Promise.all(data.evaluationPaths.map(dataFact)) }),
      },
      callbacks: stoppingCallbacks(values),
      // Not the loop below: a slow reader would miss steps.
      onEvent: (event) => {
        if (event.type === 'step') this.interruption ??= onInterrupt(() => this.stop())
        if (values.flag('json') === true) result(JSON.stringify(event))
      },
    })
    progress.update('tokenizing')
    const plan = await trainer.preflight({
      signal,
      onRows: (rows) => progress.update(`tokenizing: ${rows.toLocaleString('en-US')} rows`),
    })
    for (const line of preflightLines(plan, model)) progress.line(line)
    for (const warning of plan.warnings) progress.warning(asOptions(warning))
    if (inspects) return
    progress.update('preparing the weights')
    await model.weights({ signal })
    progress.update('compiling')
    const run = trainer.train({ ...this.request.resume, signal })
    this.training = run
    for await (const event of run) show(event, progress, task)
    const { globalStep: doneSteps } = await run.result
    progress.line(`${model instanceof PeftModel ? 'adapter:' : 'model:  '} ${outputDir}`)
    progress.line(`report:  ${join(outputDir, 'report.html')}`)
    if (this.interruption?.code === undefined) return
    const command = await commandToGoOn(values.words, { outputDir, model, doneSteps, totalSteps: plan.totalSteps })
    const isResume = command?.endsWith(' --resume') === true
    if (command !== undefined) progress.line(`to go on${isResume ? '' : ' from these values'}: ${command}`)
  }
}

function stoppingCallbacks(values: Values): readonly TrainerCallback[] {
  const earlyStoppingPatience = values.number('early-stopping-patience')
  if (earlyStoppingPatience === undefined) return []
  return [
    earlyStopping(
      defined({ earlyStoppingPatience, earlyStoppingThreshold: values.number('early-stopping-threshold') }),
    ),
  ]
}

function hints(values: Values, { evaluation }: RunData): string[] {
  const strategy = values.text('eval-strategy') ?? 'no'
  const dtype = values.text('dtype') ?? 'float32'
  return [
    ...adapterNotes(values).map((note) => `note: ${note}`),
    ...(evaluation !== undefined && strategy === 'no'
      ? ['note: there are rows to evaluate on, but --eval-strategy is no: they are not used']
      : []),
    ...(dtype === 'float32' || dtype === 'auto' ? [] : [`note: --dtype ${dtype}: the CPU computes in float32`]),
  ]
}
