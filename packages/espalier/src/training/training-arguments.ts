/** Arguments of trainers: transformers' and TRL's names in camelCase, with their meanings. */
import type { CheckpointingOptions } from '@espalier/checkpointing'
import { EspalierError } from '@espalier/core'
import type { PackingStrategy } from '@espalier/data'
import {
  bestMetric,
  type Cadence,
  checkRange,
  checkSchedule,
  type SchedulerType,
  type TrainingSettings,
} from '@espalier/trainer'
import { checkArguments } from './known-arguments.js'
import { memorySize } from './memory-size.js'
import type { OptimizerName } from './optimizer-names.js'

/** When evaluation or saving happens. */
export type Strategy = 'no' | 'steps' | 'epoch'

/** Arguments of a run. Defaults are transformers' but where a comment says otherwise. */
export interface TrainingArguments {
  /** Where the result, checkpoints, `run.json` and `log.jsonl` go, as from the command line; without it nothing is written. */
  readonly outputDir?: string
  /** Replaces a run or a model that `outputDir` holds, once this run has its result: until then it writes to `unfinished-run` there. Default false. */
  readonly overwriteOutputDir?: boolean
  /** Default 2e-4: transformers' 5e-5 and TRL's 2e-5 are meant for full fine-tuning. */
  readonly learningRate?: number
  readonly lrSchedulerType?: SchedulerType
  readonly lrSchedulerKwargs?: Readonly<Record<string, unknown>>
  /** Steps, or a share of them below 1. Default 0. */
  readonly warmupSteps?: number
  /** The older name of a fractional `warmupSteps`, up to 1; counts where `warmupSteps` is 0. */
  readonly warmupRatio?: number
  readonly weightDecay?: number
  readonly adamBeta1?: number
  readonly adamBeta2?: number
  readonly adamEpsilon?: number
  /** Default 1; 0 turns clipping off. */
  readonly maxGradNorm?: number
  /** Share of each label that is spread evenly over all of its classes, in training and in evaluations. Default 0. */
  readonly labelSmoothingFactor?: number
  /** By transformers' name. Default 'adamw_torch_fused', computed as `adamw_torch`. */
  readonly optim?: OptimizerName
  /** What else the optimizer takes, as `momentum=0.9,nesterov=true`: sgd, adagrad and rmsprop, as in transformers. */
  readonly optimArgs?: string
  /** Default 3. */
  readonly numTrainEpochs?: number
  /** Above 0 it wins over epochs. Default -1. */
  readonly maxSteps?: number
  /** Rows of a step before accumulation. Default 8. They are split into micro-batches as memory and speed ask; the loss does not change. */
  readonly perDeviceTrainBatchSize?: number
  readonly perDeviceEvalBatchSize?: number
  readonly gradientAccumulationSteps?: number
  /** Longest row in tokens; null keeps rows whole. Default 1024 in SFTTrainer, as in TRL; in Trainer the model's positions. */
  readonly maxLength?: number | null
  /** Of the initial values of `peftConfig`'s adapter, the order of rows and dropout. Default 42. */
  readonly seed?: number
  /** False takes rows in file order. Default true. */
  readonly shuffle?: boolean
  /** Default 'no', with `evalSteps` and evaluation data 'steps'. Another one than 'no' needs evaluation data. */
  readonly evalStrategy?: Strategy
  /** Default: loggingSteps, as transformers. */
  readonly evalSteps?: number
  /** Default with an output folder 'epoch', with `saveSteps` 'steps': transformers saves every 500 steps, which short runs never reach. */
  readonly saveStrategy?: Strategy
  /** Default 500. */
  readonly saveSteps?: number
  /** Most checkpoints of this run kept; the oldest go first. */
  readonly saveTotalLimit?: number
  /** Ends with the values of the best evaluation; needs an `evalStrategy`. */
  readonly loadBestModelAtEnd?: boolean
  /** The metric that tells which evaluation is the best, with or without `eval_` in front: the loss, or what metrics compute. Default 'loss'. */
  readonly metricForBestModel?: string
  /** Whether more of the metric is better. Default, as in transformers: unless its name ends with `loss`. */
  readonly greaterIsBetter?: boolean
  /** Steps between log entries. Default 1: nothing is averaged away. */
  readonly loggingSteps?: number
  /** Most tokens of a micro-batch, padding included. Default: chosen by the data. */
  readonly tokensPerMicroBatch?: number
  /** Makes what layers compute again in the backward pass instead of keeping it: less memory, a step up to a third longer where all parameters train and up to half where few do, the same results. Default false; TRL's is true. */
  readonly gradientCheckpointing?: boolean | CheckpointingOptions | readonly CheckpointingOptions[]
  /** Most memory that the run may take, this program and the weights included, by what `preflight` expects: bytes, or "4GB". As little as fits is made again in the backward pass; with `gradientCheckpointing` at least that. The run throws memory.budget, with the least that is possible, when nothing fits. Default: as much as it takes. */
  readonly memoryBudget?: number | string
}

/** Arguments of SFTTrainer. */
export interface SFTConfig extends TrainingArguments {
  /** Loss on completions only; by default where rows have a prompt. */
  readonly completionOnlyLoss?: boolean
  /** Several rows in one of at most `maxLength` tokens, which must not be null: less padding, fewer steps. Rows do not attend to each other, but for `wrapped`. Default false. */
  readonly packing?: boolean
  /** How rows are packed, where they are. Default 'bfd'. */
  readonly packingStrategy?: PackingStrategy
  /** Packs the rows to evaluate on. Default: as `packing`. */
  readonly evalPacking?: boolean
}

const STRATEGIES: readonly Strategy[] = ['no', 'steps', 'epoch']
const DEFAULT_SAVE_STEPS = 500 // transformers
/** transformers' default rows of a batch. */
export const DEFAULT_BATCH = 8
/** transformers' default epochs. */
export const DEFAULT_EPOCHS = 3
/** transformers' default seed, of everything in a run that is drawn. */
export const DEFAULT_SEED = 42

const COUNTS = [
  'perDeviceTrainBatchSize',
  'perDeviceEvalBatchSize',
  'gradientAccumulationSteps',
  'maxLength',
  'evalSteps',
  'saveSteps',
  'saveTotalLimit',
  'loggingSteps',
  'tokensPerMicroBatch',
] as const

const F32 = 3.4028234663852886e38 // the largest; what computes would take a larger one for infinity

/** Ranges of numbers that are no counts: which ends belong to them, and the ends. */
const RANGES = {
  learningRate: ['[]', 0, F32],
  weightDecay: ['[]', 0, F32],
  adamBeta1: ['[)', 0, 1],
  adamBeta2: ['[)', 0, 1],
  adamEpsilon: ['(]', 0, 1],
  maxGradNorm: ['[]', 0, F32],
  warmupSteps: ['[]', 0, Number.MAX_SAFE_INTEGER],
  warmupRatio: ['[]', 0, 1],
  labelSmoothingFactor: ['[]', 0, 1],
  numTrainEpochs: ['(]', 0, Number.MAX_SAFE_INTEGER],
} as const

/** A run's arguments with what its model brings along. */
export function argumentsOn<A extends TrainingArguments>(
  { gradientCheckpointing }: { readonly gradientCheckpointing: CheckpointingOptions | undefined },
  args: A,
): A {
  return gradientCheckpointing === undefined || args.gradientCheckpointing !== undefined
    ? args
    : { ...args, gradientCheckpointing }
}

/** What a run's arguments have made again in any case. */
export function checkpointingOf({ gradientCheckpointing = false }: TrainingArguments): readonly CheckpointingOptions[] {
  if (typeof gradientCheckpointing === 'boolean') return gradientCheckpointing ? [{}] : []
  return [gradientCheckpointing].flat() as readonly CheckpointingOptions[]
}

/** Bytes that a run may take; undefined: as many as it takes. Throws config.value. */
export function budgetOf({ memoryBudget }: TrainingArguments): number | undefined {
  return memoryBudget === undefined ? undefined : memorySize('memoryBudget', memoryBudget)
}

/** The trainer's settings from a run's arguments. Throws config.unknown; config.value, also where arguments contradict each other. */
export function settingsOf(
  args: TrainingArguments,
  { hasEvaluation }: { readonly hasEvaluation: boolean },
): TrainingSettings {
  checkArguments(args)
  for (const name of ['evalStrategy', 'saveStrategy'] as const) {
    const value = args[name]
    if (value !== undefined && !STRATEGIES.includes(value))
      throw new EspalierError('config.value', {
        what: `${name} is one of ${STRATEGIES.join(', ')}`,
        got: { [name]: value },
      })
  }
  const { outputDir, warmupRatio, warmupSteps } = args
  if (outputDir === '')
    throw new EspalierError('config.value', {
      what: 'outputDir is empty',
      got: { outputDir },
      fix: 'Name a folder, or leave outputDir out to write nothing',
    })
  const { evalStrategy, saveStrategy } = strategiesOf(args, { hasEvaluation })
  if (evalStrategy !== 'no' && !hasEvaluation)
    throw new EspalierError('config.value', {
      what: 'there is nothing to evaluate on',
      got: { evalStrategy },
      fix: 'Give the trainer an evalDataset, or leave evalStrategy out',
    })
  bestMetric(args)
  if (args.loadBestModelAtEnd === true && evalStrategy === 'no')
    throw new EspalierError('config.value', {
      what: 'no evaluation would tell which model is the best',
      got: { loadBestModelAtEnd: true, evalStrategy },
      fix: "Set evalStrategy to 'epoch' or 'steps' and give an evalDataset, or leave loadBestModelAtEnd out",
    })
  for (const [name, [ends, from, to]] of Object.entries(RANGES)) {
    const value = args[name as keyof typeof RANGES]
    if (value !== undefined) checkRange(name, value, from, to, ends)
  }
  const { maxSteps = -1 } = args
  if (!(Number.isSafeInteger(maxSteps) && maxSteps >= -1))
    throw new EspalierError('config.value', {
      what: 'maxSteps is a whole number above 0, or -1 where epochs count',
      got: { maxSteps },
    })
  if (args.lrSchedulerType !== undefined || args.lrSchedulerKwargs !== undefined)
    checkSchedule(args.lrSchedulerType ?? 'linear', args.lrSchedulerKwargs)
  for (const name of COUNTS) {
    const value = args[name]
    if (value != null && !(Number.isSafeInteger(value) && value >= 1))
      throw new EspalierError('config.value', { what: `${name} is a whole number above 0`, got: { [name]: value } })
  }
  budgetOf(args)
  return {
    learningRate: args.learningRate,
    lrSchedulerType: args.lrSchedulerType,
    lrSchedulerKwargs: args.lrSchedulerKwargs,
    warmupSteps,
    warmupRatio,
    weightDecay: args.weightDecay,
    maxGradNorm: args.maxGradNorm,
    seed: args.seed ?? DEFAULT_SEED,
    evaluateEvery: cadence(evalStrategy, args.evalSteps ?? args.loggingSteps ?? 1),
    saveEvery: cadence(saveStrategy, args.saveSteps ?? DEFAULT_SAVE_STEPS),
    loadBestModelAtEnd: args.loadBestModelAtEnd,
    metricForBestModel: args.metricForBestModel,
    greaterIsBetter: args.greaterIsBetter,
  }
}

/** The strategies in force. Steps that are given without a strategy mean steps: transformers takes no notice of `evalSteps` alone. */
export function strategiesOf(
  { evalStrategy, evalSteps, saveStrategy, saveSteps, outputDir }: TrainingArguments,
  { hasEvaluation }: { readonly hasEvaluation: boolean },
): { readonly evalStrategy: Strategy; readonly saveStrategy: Strategy } {
  return {
    evalStrategy: evalStrategy ?? (evalSteps !== undefined && hasEvaluation ? 'steps' : 'no'),
    saveStrategy: saveStrategy ?? (outputDir === undefined ? 'no' : saveSteps === undefined ? 'epoch' : 'steps'),
  }
}

function cadence(strategy: Strategy, steps: number): Cadence {
  return strategy === 'steps' ? { steps } : strategy
}

/** What to know of arguments that are taken and have no effect, or leave a run with next to nothing to do. */
export function argumentWarnings(args: TrainingArguments, data: { readonly hasEvaluation: boolean }): string[] {
  const { learningRate, maxGradNorm = 1, adamEpsilon = DEFAULT_EPSILON, evalSteps, saveSteps } = args
  const { evalStrategy, saveStrategy } = strategiesOf(args, data)
  const noRows = args.evalStrategy === undefined && !data.hasEvaluation
  const noFolder = args.saveStrategy === undefined && args.outputDir === undefined
  return [
    ...(evalSteps !== undefined && evalStrategy !== 'steps'
      ? [
          `evalSteps ${evalSteps} has no effect: ${noRows ? 'there are no rows to evaluate on' : `evalStrategy is ${evalStrategy}`}`,
        ]
      : []),
    ...(saveSteps !== undefined && saveStrategy !== 'steps'
      ? [
          `saveSteps ${saveSteps} has no effect: ${noFolder ? 'there is no outputDir' : `saveStrategy is ${saveStrategy}`}`,
        ]
      : []),
    ...(learningRate !== undefined && Math.fround(learningRate) === 0
      ? [`learningRate ${learningRate} changes nothing: nothing will be learnt`]
      : []),
    ...(maxGradNorm > 0 && maxGradNorm < adamEpsilon
      ? [`maxGradNorm ${maxGradNorm} leaves next to nothing of the gradients; 1 is usual, 0 turns clipping off`]
      : []),
  ]
}

const DEFAULT_EPSILON = 1e-8 // torch; gradients below it hardly move anything
