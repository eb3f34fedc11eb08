/** What trainers and their calls are given at run time, where no compiler has looked. */
import { checkOptions, didYouMean, EspalierError, type OptionKinds, requireParts } from '@espalier/core'
import { allowedChanges } from '../checkpoint/run-changes.js'
import { requireTokenizer } from '../model/known-model-options.js'
import type { EvaluateOptions, TrainOptions } from './call-options.js'
import { checkCallbacks } from './known-callbacks.js'
import type { TrainerOptions } from './trainer.js'

const TRAINER: OptionKinds<TrainerOptions> = {
  model: 'any', // its parts are looked at
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

/** The parts by which a trainer uses what it is given. */
const PARTS = {
  model: {
    parts: ['model', 'loaded', 'backend'],
    fix: 'Load it first: await AutoModelForCausalLM.fromPretrained(name)',
  },
  task: {
    parts: ['prepare', 'collator', 'loss'],
    fix: 'Give an object with prepare, collator and loss, or leave it out',
  },
  dataCollator: { parts: ['collate'], fix: 'Give an object with a method collate, or leave it out' },
  optimizer: { parts: ['states', 'scalars', 'update'], fix: 'Give what adamw() or sgd() returns, or set optim' },
} as const

const TRAIN: OptionKinds<TrainOptions> = {
  signal: 'signal',
  onRows: 'function',
  resumeFromCheckpoint: ['boolean', 'string'],
  allowChanges: 'array',
}
const EVALUATE: OptionKinds<EvaluateOptions> = { signal: 'signal', onRows: 'function', onProgress: 'function' }

/** Throws config.* for options of a trainer that do not exist, or are of another kind. */
export function checkTrainerOptions(options: TrainerOptions): void {
  requireParts('options', options, [], 'Give a model and a trainDataset: new SFTTrainer({ model, trainDataset })')
  checkOptions('a trainer', options, TRAINER, OTHERS)
  for (const [name, { parts, fix }] of Object.entries(PARTS)) {
    const value = options[name as keyof typeof PARTS]
    if (value !== undefined || name === 'model') requireParts(name, value, parts, fix)
  }
  if (options.tokenizer !== undefined) requireTokenizer(options.tokenizer)
  const { callbacks = [], transforms = [] } = options
  checkCallbacks(callbacks)
  for (const transform of transforms) requireParts('transforms', transform, ['call'], 'Give a list of functions')
}

/** The same for a trainer's `train`. */
export function checkTrainOptions(options: TrainOptions): void {
  checkOptions('train', options, TRAIN)
  const known: readonly string[] = allowedChanges
  for (const name of options.allowChanges ?? [])
    if (!known.includes(name))
      throw new EspalierError('config.value', {
        what: 'nothing of this name may change while a run goes on',
        got: { allowChanges: name },
        fix: didYouMean(name, known),
      })
}

/** The same for a trainer's `evaluate`. */
export function checkEvaluateOptions(options: EvaluateOptions): void {
  checkOptions('evaluate', options, EVALUATE)
}
