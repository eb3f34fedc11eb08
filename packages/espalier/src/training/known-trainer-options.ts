/** What trainers and their calls are given at run time, where no compiler has looked. */
import { checkOptions, EspalierError, type OptionKinds } from '@espalier/core'
import type { EvaluateOptions, TrainerOptions, TrainOptions } from './trainer.js'

const TRAINER: OptionKinds<TrainerOptions> = {
  model: 'object',
  tokenizer: 'object',
  trainDataset: 'any', // whatever has rows
  evalDataset: 'any',
  args: 'object',
  task: 'object',
  dataCollator: 'object',
  computeLoss: 'function',
  computeMetrics: 'function',
  transforms: 'array',
  optimizer: 'object',
  onGradients: 'function',
  onOptimizerStep: 'function',
  onEvent: 'function',
  callbacks: 'array',
  lock: 'object',
  runFacts: 'object',
}

/** Arguments of transformers' and TRL's trainers that are not there. */
const OTHERS = {
  processingClass: 'Give it as tokenizer',
  formattingFunc: 'Map the rows: dataset.map(row => ({ prompt, completion }))',
  modelInit: 'Give a model',
  optimizers: 'Give an optimizer, or optim and lrSchedulerType in args',
}

const TRAIN: OptionKinds<TrainOptions> = {
  signal: 'object',
  onRows: 'function',
  resumeFromCheckpoint: ['boolean', 'string'],
}
const EVALUATE: OptionKinds<EvaluateOptions> = { signal: 'object', onRows: 'function', onProgress: 'function' }

/** Throws config.* for options of a trainer that do not exist, or are of another kind. */
export function checkTrainerOptions(options: TrainerOptions): void {
  const { model }: { readonly model: unknown } = options
  if (typeof model === 'string')
    throw new EspalierError('config.value', {
      what: 'model takes a loaded model',
      got: { model },
      fix: 'Load it with AutoModelForCausalLM.fromPretrained',
    })
  checkOptions('a trainer', options, TRAINER, OTHERS)
}

/** The same for a trainer's `train`. */
export function checkTrainOptions(options: TrainOptions): void {
  checkOptions('train', options, TRAIN)
}

/** The same for a trainer's `evaluate`. */
export function checkEvaluateOptions(options: EvaluateOptions): void {
  checkOptions('evaluate', options, EVALUATE)
}
