/** From the options of `train` to what the facade takes: a run's arguments and the model with what trains. */
import { readFile } from 'node:fs/promises'
import { type ConfiguredTuner, configure, fromFileConfig } from '@espalier/core'
import { lora } from '@espalier/lora'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { SFTConfig } from '../training/sft-config.js'
import { UsageError } from './failure.js'
import { defined, type Values } from './values.js'

/** A run's arguments. */
export function sftArguments(values: Values, outputDir: string): SFTConfig {
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
    optim: values.text('optim') as SFTConfig['optim'],
    numTrainEpochs: values.number('num-train-epochs'),
    maxSteps: values.number('max-steps'),
    perDeviceTrainBatchSize: values.number('per-device-train-batch-size'),
    perDeviceEvalBatchSize: values.number('per-device-eval-batch-size'),
    gradientAccumulationSteps: values.number('gradient-accumulation-steps'),
    maxLength: values.number('max-length') === 0 ? null : values.number('max-length'),
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
export async function adapted(
  loaded: PretrainedModel | PeftModel,
  values: Values,
): Promise<PretrainedModel | PeftModel> {
  if (loaded instanceof PeftModel || trainsEverything(values)) return loaded
  const seed = values.number('seed')
  return getPeftModel(loaded, await tunerOf(values), seed === undefined ? {} : { seed })
}

function trainsEverything(values: Values): boolean {
  return (values.text('peft-type') ?? (values.flag('use-peft') === false ? 'none' : 'lora')) === 'none'
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
  let config: Record<string, unknown>
  try {
    config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  } catch (cause) {
    throw new UsageError(
      `--peft-config cannot be read (${path}: ${cause instanceof Error ? cause.message : String(cause)})`,
    )
  }
  const type = config?.peft_type
  if (type !== undefined && type !== 'LORA')
    throw new UsageError(`--peft-config has peft_type ${JSON.stringify(type)}; the command line trains LORA (${path})`)
  return fromFileConfig(config)
}
