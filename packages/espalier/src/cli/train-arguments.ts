/** From the options of `train` to what the facade takes: a run's arguments and the model with what trains. */
import {
  type ConfiguredTuner,
  configureFromFile,
  EspalierError,
  fromFileConfig,
  type TargetConfig,
  type Tuner,
} from '@espalier/core'
import { configureAdapter } from '@espalier/serialization'
import { DEFAULT_KIND, tunersByKind } from '../auto/tuners.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { unkeptParts } from '../model/unkept-parts.js'
import { optimizerOf } from '../training/optimizer-of.js'
import { DEFAULT_SEED, type SFTConfig, settingsOf, strategiesOf } from '../training/training-arguments.js'
import type { RunData } from './data-files.js'
import { asOptions, optionFor, UsageError } from './failure.js'
import { readJsonFile } from './text-file.js'
import { defined, type Values } from './values.js'

/** A run's arguments; without an outputDir it writes nothing. */
export function sftArguments(values: Values, outputDir: string | undefined): SFTConfig {
  return defined({
    outputDir,
    overwriteOutputDir: values.flag('overwrite-output-dir'),
    learningRate: values.number('learning-rate'),
    lrSchedulerType: values.text('lr-scheduler-type') as SFTConfig['lrSchedulerType'],
    lrSchedulerKwargs: fromFileConfig(values.record('lr-scheduler-kwargs') ?? {}),
    warmupRatio: values.number('warmup-ratio'),
    warmupSteps: values.number('warmup-steps'),
    weightDecay: values.number('weight-decay'),
    adamBeta1: values.number('adam-beta1'),
    adamBeta2: values.number('adam-beta2'),
    adamEpsilon: values.number('adam-epsilon'),
    maxGradNorm: values.number('max-grad-norm'),
    labelSmoothingFactor: values.number('label-smoothing-factor'),
    optim: values.text('optim') as SFTConfig['optim'],
    optimArgs: values.text('optim-args'),
    numTrainEpochs: values.number('num-train-epochs'),
    maxSteps: values.number('max-steps'),
    perDeviceTrainBatchSize: values.number('per-device-train-batch-size'),
    perDeviceEvalBatchSize: values.number('per-device-eval-batch-size'),
    gradientAccumulationSteps: values.number('gradient-accumulation-steps'),
    maxLength: values.maxLength(),
    completionOnlyLoss: values.flag('completion-only-loss'),
    packing: values.flag('packing'),
    packingStrategy: values.text('packing-strategy') as SFTConfig['packingStrategy'],
    evalPacking: values.flag('eval-packing'),
    seed: values.number('seed'),
    shuffle: values.flag('no-shuffle') === true ? false : undefined,
    evalStrategy: values.text('eval-strategy') as SFTConfig['evalStrategy'],
    evalSteps: values.number('eval-steps'),
    saveStrategy: values.text('save-strategy') as SFTConfig['saveStrategy'],
    saveSteps: values.number('save-steps'),
    saveTotalLimit: values.number('save-total-limit'),
    loadBestModelAtEnd: values.flag('load-best-model-at-end'),
    metricForBestModel: values.text('metric-for-best-model'),
    greaterIsBetter: values.flag('greater-is-better'),
    loggingSteps: values.number('logging-steps'),
    tokensPerMicroBatch: values.number('tokens-per-micro-batch'),
    gradientCheckpointing: values.flag('gradient-checkpointing'),
    memoryBudget: values.text('memory-budget'),
  })
}

/** The options with the strategies that follow from `--eval-steps` and `--save-steps`. */
export function withStrategies(values: Values, { evaluation }: Pick<RunData, 'evaluation'>): Values {
  const args = sftArguments(values, values.text('output-dir') ?? '')
  const { evalStrategy, saveStrategy } = strategiesOf(args, { hasEvaluation: evaluation !== undefined })
  return values.implying({
    ...(evalStrategy === 'steps' ? { 'eval-strategy': evalStrategy } : {}),
    ...(saveStrategy === 'steps' ? { 'save-strategy': saveStrategy } : {}),
  })
}

/** Checks what needs no model. Throws UsageError for options that contradict each other or ask for what does not exist. */
export function checkArguments(
  values: Values,
  outputDir: string | undefined,
  { evaluation }: Pick<RunData, 'evaluation'>,
): void {
  const hasEvaluation = evaluation !== undefined
  const strategy = values.text('eval-strategy') ?? 'no'
  if (strategy !== 'no' && !hasEvaluation)
    throw new UsageError(
      `--eval-strategy ${strategy} needs --eval-data or --validation-split`,
      'Give one of them, or leave --eval-strategy out',
    )
  if (strategy === 'no' && values.number('early-stopping-patience') !== undefined)
    throw new UsageError(
      '--early-stopping-patience needs --eval-strategy steps or epoch',
      'No evaluation would tell when it is enough',
    )
  if (strategy === 'no' && values.flag('load-best-model-at-end') === true)
    throw new UsageError(
      '--load-best-model-at-end needs --eval-strategy steps or epoch',
      'No evaluation would tell which values are the best',
    )
  asUsage(() => {
    const args = sftArguments(values, outputDir)
    settingsOf(args, { hasEvaluation })
    optimizerOf(args)
  })
}

/** The model with what trains: a loaded adapter, a new one, or all parameters. say: told what an adapter keeps besides what was asked for. */
export function adapted(
  loaded: PretrainedModel | PeftModel,
  tuner: ConfiguredTuner | undefined,
  values: Values,
  say: (line: string) => void,
): PretrainedModel | PeftModel {
  if (loaded instanceof PeftModel || tuner === undefined) return loaded
  const options = { seed: values.number('seed') ?? DEFAULT_SEED }
  const model = getPeftModel(loaded, tuner, options)
  const { modules, parameters } = unkeptParts(model)
  if (parameters.length > 0)
    say(
      `note: ${parameters.join(', ')} start at drawn values, which the adapter does not keep: the checkpoint has none`,
    )
  if (modules.length === 0) return model
  void model.close() // nothing runs on it yet
  say(`note: --modules-to-save ${modules.join(' ')}, which the checkpoint does not have: the adapter keeps them`)
  const config = tuner.config as TargetConfig
  const modulesToSave = [...(config.modulesToSave ?? []), ...modules]
  return getPeftModel(loaded, { ...tuner, config: { ...config, modulesToSave } }, options)
}

/** The adapter that a run would start with; undefined where it goes on with one, or trains everything. Throws UsageError for options that are wrong or do not exist yet, config.* for such a file. */
export async function newTuner(values: Values): Promise<ConfiguredTuner | undefined> {
  return values.text('adapter') !== undefined || trainsEverything(values) ? undefined : tunerOf(values)
}

/** Options of a new adapter. */
export const ADAPTER_OPTIONS: readonly string[] = [
  'peft-config',
  'lora-r',
  'lora-alpha',
  'lora-dropout',
  'lora-target-modules',
  'bias',
  'lora-bias',
  'use-rslora',
  'init-lora-weights',
  'modules-to-save',
  'task-type',
  'num-labels',
]

/** What there is to say of options for a new adapter where none is made. */
export function adapterNotes(values: Values): string[] {
  const goesOn = values.text('adapter') !== undefined
  if (!goesOn && !trainsEverything(values)) return []
  const given = values.given()
  const unused = ADAPTER_OPTIONS.filter((name) => given[name.replaceAll('-', '_')] !== undefined)
  const why = goesOn ? '--adapter has a configuration of its own' : 'all parameters train, without an adapter'
  return unused.map((name) => `--${name} has no effect: ${why}`)
}

function trainsEverything(values: Values): boolean {
  return (values.text('peft-type') ?? (values.flag('use-peft') === false ? 'none' : DEFAULT_KIND)) === 'none'
}

async function tunerOf(values: Values): Promise<ConfiguredTuner> {
  const kind = (values.text('peft-type') ?? DEFAULT_KIND) as keyof typeof tunersByKind
  const tuner: Tuner = await tunersByKind[kind]()
  const path = values.text('peft-config')
  const init = values.text('init-lora-weights')
  const file = path === undefined ? {} : await peftConfigFile(path, kind.toUpperCase())
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
    taskType: peftTaskOf(values.text('task-type')),
  })
  if (path !== undefined) configureAdapter(tuner, file, { file: path }) // its faults are the file's
  return asUsage(() => configureFromFile(tuner, file, given))
}

// PEFT has no name for it: the class of the base is written instead.
function peftTaskOf(task: string | undefined): string | undefined {
  return task === 'MASKED_LM' ? undefined : task
}

/** Values of options that configurations refuse are wrong usage. */
function asUsage<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!EspalierError.isInstance(error) || !error.code.startsWith('config.')) throw error
    const { code, details, fix } = error
    if (code === 'config.unknown') {
      const key = String(details.key)
      throw new UsageError(
        `${optionFor(key) ?? key} is no setting of ${String(details.kind).toUpperCase()}`,
        'Leave it out',
      )
    }
    const isLast = fix !== undefined && error.message.endsWith(fix)
    const message = isLast ? error.message.slice(0, -fix.length).trim() : error.message
    throw new UsageError(asOptions(message), fix && asOptions(fix))
  }
}

async function peftConfigFile(path: string, expected: string): Promise<Record<string, unknown>> {
  const config = (await readJsonFile('peft-config', path)) as Record<string, unknown>
  const type = config?.peft_type
  if (type !== undefined && type !== expected)
    throw new UsageError(`--peft-config has peft_type ${JSON.stringify(type)}; this run trains ${expected} (${path})`)
  return config
}
