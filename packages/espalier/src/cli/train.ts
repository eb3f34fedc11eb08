/** `espalier train`: says what it will do, trains, and leaves the run folder. */
import { readFile } from 'node:fs/promises'
import { type ConfiguredTuner, configure, EspalierError, fromFileConfig } from '@espalier/core'
import { type DataRow, type Dataset, loadDataset, renderSupervision } from '@espalier/data'
import { lora } from '@espalier/lora'
import type { TrainingEvent } from '@espalier/trainer'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { fileHash, RunFiles } from '../run-folder/run-files.js'
import { requireNoRun } from '../training/checkpoints.js'
import type { Preflight } from '../training/preflight.js'
import type { SFTConfig } from '../training/sft-config.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { UsageError } from './failure.js'
import { loadWithAdapter } from './load.js'
import { options } from './options.js'
import { onInterrupt } from './signals.js'
import { bytes, clock, Progress, result } from './terminal.js'
import { defined, type Values } from './values.js'
import { packageVersion } from './version.js'

/** Runs the command; its exit code. */
export async function train(values: Values): Promise<number> {
  const outputDir = values.needed('output-dir')
  const paths = values.list('data')
  if (paths === undefined) throw new UsageError('--data is missing', 'See espalier train --help for an example')
  values.needed('model')
  const args = sftArguments(values, outputDir)
  if (values.flag('overwrite-output-dir') !== true) await requireNoRun(outputDir)
  const progress = new Progress(values.flag('quiet') === true)
  for (const note of values.notes) progress.line(`note: ${note}`)
  for (const line of differences(values)) progress.line(line)

  const opening = new AbortController()
  let stop = () =>
    opening.abort(new EspalierError('run.interrupted', { what: 'the run was interrupted before its first step' }))
  const interruption = onInterrupt(() => stop())
  try {
    const loaded = await loadWithAdapter(values, progress, opening.signal)
    try {
      const model = await adapted(loaded, values)
      const trainer = new SFTTrainer({
        model,
        trainDataset: datasetOf(paths, values),
        ...(values.text('eval-data') === undefined
          ? {}
          : { evalDataset: datasetOf([values.text('eval-data') as string], values) }),
        args,
      })
      progress.update('tokenizing')
      const plan = await trainer.preflight({ signal: opening.signal })
      for (const line of preflightLines(plan, model)) progress.line(line)
      if (values.flag('inspect-data') === true) return 0
      await model.weights({ signal: opening.signal })
      const files = await RunFiles.open(
        outputDir,
        {
          config: { ...defaultsOf(), ...values.given() },
          versions: { espalier: packageVersion(), node: process.version },
          base: {
            nameOrPath: model.loaded.nameOrPath,
            revision: model.loaded.revision,
            parameters: plan.trainableParameters,
          },
          data: await Promise.all(paths.map(async (path) => ({ path, sha256: await fileHash(path) }))),
          trainableParameters:
            model instanceof PeftModel
              ? model.printTrainableParameters()
              : `training all ${plan.trainableParameters.toLocaleString('en-US')} parameters`,
          supervision: renderSupervision(plan.supervision),
        },
        args.loggingSteps,
      )
      const run = trainer.train({ signal: opening.signal })
      stop = () => run.stop()
      progress.update('compiling')
      for await (const event of run) {
        files.note(event)
        if (values.flag('json') === true) result(JSON.stringify(event))
        show(event, progress)
      }
      await run.result
      const report = await files.close({
        maxSteps: plan.totalSteps,
        epochs: args.numTrainEpochs ?? 3,
        batchSize: args.perDeviceTrainBatchSize ?? 8,
      })
      progress.line(`adapter: ${outputDir}`)
      progress.line(`report:  ${report}`)
      return interruption.code ?? 0
    } finally {
      await loaded.close()
    }
  } catch (error) {
    if (interruption.code === undefined) throw error
    return interruption.code
  } finally {
    interruption.end()
    progress.end()
  }
}

function sftArguments(values: Values, outputDir: string): SFTConfig {
  return defined({
    outputDir,
    overwriteOutputDir: values.flag('overwrite-output-dir'),
    learningRate: values.number('learning-rate'),
    lrSchedulerType: values.text('lr-scheduler-type') as SFTConfig['lrSchedulerType'],
    warmupRatio: values.number('warmup-ratio'),
    warmupSteps: values.number('warmup-steps'),
    weightDecay: values.number('weight-decay'),
    adamBeta1: values.number('adam-beta1'),
    adamBeta2: values.number('adam-beta2'),
    adamEpsilon: values.number('adam-epsilon'),
    maxGradNorm: values.number('max-grad-norm'),
    optim: values.text('optim') as SFTConfig['optim'],
    numTrainEpochs: values.number('num-train-epochs'),
    maxSteps: values.number('max-steps'),
    perDeviceTrainBatchSize: values.number('per-device-train-batch-size'),
    perDeviceEvalBatchSize: values.number('per-device-eval-batch-size'),
    gradientAccumulationSteps: values.number('gradient-accumulation-steps'),
    maxLength: values.number('max-length'),
    completionOnlyLoss: values.flag('completion-only-loss'),
    seed: values.number('seed'),
    shuffle: values.flag('no-shuffle') === true ? false : undefined,
    evalStrategy: values.text('eval-strategy') as SFTConfig['evalStrategy'],
    evalSteps: values.number('eval-steps'),
    saveStrategy: values.text('save-strategy') as SFTConfig['saveStrategy'],
    saveSteps: values.number('save-steps'),
    saveTotalLimit: values.number('save-total-limit'),
    loadBestModelAtEnd: values.flag('load-best-model-at-end'),
    loggingSteps: values.number('logging-steps'),
    tokensPerMicroBatch: values.number('tokens-per-micro-batch'),
  })
}

/** The model with what trains: a loaded adapter, a new one, or all parameters. */
async function adapted(loaded: PretrainedModel | PeftModel, values: Values): Promise<PretrainedModel | PeftModel> {
  if (loaded instanceof PeftModel || values.text('peft-type') === 'none') return loaded
  const seed = values.number('seed')
  return getPeftModel(loaded, await tunerOf(values), seed === undefined ? {} : { seed })
}

async function tunerOf(values: Values): Promise<ConfiguredTuner> {
  const path = values.text('peft-config')
  const init = values.text('init-lora-weights')
  const file = path === undefined ? {} : await peftConfigFile(path)
  const given = defined({
    r: values.number('lora-r'),
    loraAlpha: values.number('lora-alpha'),
    loraDropout: values.number('lora-dropout'),
    targetModules: values.textOrList('lora-target-modules'),
    bias: values.text('bias'),
    loraBias: values.flag('lora-bias'),
    useRslora: values.flag('use-rslora'),
    initLoraWeights: init === undefined ? undefined : init === 'true' ? true : init === 'false' ? false : init,
    modulesToSave: values.list('modules-to-save'),
    taskType: values.text('task-type'),
  })
  return configure(lora, { ...file, ...given }) as ConfiguredTuner
}

async function peftConfigFile(path: string): Promise<Record<string, unknown>> {
  try {
    return fromFileConfig(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)
  } catch (cause) {
    throw new UsageError(
      `--peft-config cannot be read (${path}: ${cause instanceof Error ? cause.message : String(cause)})`,
    )
  }
}

/** One data set from one or more files, rows in order. */
export function datasetOf(paths: readonly string[], values: Values): Dataset<DataRow> {
  const fields = defined({
    textField: values.text('text-field'),
    promptField: values.text('prompt-field'),
    completionField: values.text('completion-field'),
  })
  const [first, ...more] = paths.map((path) => loadDataset<DataRow>(path, fields))
  if (first !== undefined && more.length === 0) return first
  const sets = [first as Dataset<DataRow>, ...more]
  return loadDataset<DataRow>(
    (async function* () {
      for (const set of sets) yield* set
    })(),
    fields,
  )
}

function preflightLines(plan: Preflight, model: PretrainedModel | PeftModel): string[] {
  const { memory } = plan
  return [
    ...renderSupervision(plan.supervision),
    model instanceof PeftModel
      ? model.printTrainableParameters()
      : `training all ${plan.trainableParameters.toLocaleString('en-US')} parameters`,
    `memory expected: ${bytes(memory.total)} = weights ${bytes(memory.weights)} + adapter and optimizer ${bytes(memory.adapterAndOptimizer)} + activations ${bytes(memory.activations)}`,
    `  less of each: weights: ${memory.advice.weights}; adapter and optimizer: ${memory.advice.adapterAndOptimizer}; activations: --tokens-per-micro-batch or --max-length`,
    `${plan.totalSteps} steps, ${plan.stepsPerEpoch} an epoch; ${plan.shapes.length} batch shapes`,
    ...plan.warnings.map((warning) => `warning: ${warning}`),
  ]
}

function show(event: TrainingEvent, progress: Progress): void {
  if (event.type === 'step') {
    const done = Math.round((20 * event.step) / event.totalSteps)
    progress.update(
      `[${'█'.repeat(done)}${'·'.repeat(20 - done)}] step ${event.step}/${event.totalSteps} epoch ${event.epoch.toFixed(2)} loss ${event.loss.toFixed(4)} ${event.tokensPerSecond.toFixed(0)} tokens/s ${bytes(event.peakMemoryBytes)} ETA ${clock(event.etaSeconds)}`,
      event.step === 1,
    )
  } else if (event.type === 'evaluate')
    progress.line(
      `step ${event.step}: evaluation loss ${event.evalLoss.toFixed(4)}, perplexity ${event.perplexity.toFixed(2)}${event.best ? ', the best so far' : ''}`,
    )
  else if (event.type === 'save') progress.line(`step ${event.step}: saved ${event.path ?? ''}`)
  else if (event.type === 'warning') progress.line(`warning: ${event.message}`)
  else if (event.type === 'end')
    progress.line(
      `${event.reason}: ${event.globalStep} steps in ${clock(event.seconds)}, mean loss ${event.trainingLoss.toFixed(4)}`,
    )
}

/** Values in force that differ from what Python would take, with the reason. */
function differences(values: Values): string[] {
  const given = values.given()
  return options.flatMap(({ name, commands, python, default: standard }) => {
    if (python === undefined || !commands.includes('train') || given[name.replaceAll('-', '_')] !== undefined) return []
    return [`${name.replaceAll('-', '_')} ${standard} (Python: ${python.value}): ${python.why}`]
  })
}

function defaultsOf(): Record<string, string> {
  return Object.fromEntries(
    options.flatMap(({ name, commands, default: standard }) =>
      standard === undefined || !commands.includes('train') ? [] : [[name.replaceAll('-', '_'), standard]],
    ),
  )
}
