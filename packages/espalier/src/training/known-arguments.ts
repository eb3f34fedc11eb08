/** The arguments of trainers at run time, where no compiler has looked: their names, and what kind of value each takes. */
import { checkOptions, type OptionKinds } from '@espalier/core'
import { pythonArguments } from './python-arguments.js'
import type { SFTConfig } from './training-arguments.js'

const KINDS: OptionKinds<SFTConfig> = {
  outputDir: 'string',
  overwriteOutputDir: 'boolean',
  learningRate: 'number',
  lrSchedulerType: 'string',
  lrSchedulerKwargs: 'object',
  warmupSteps: 'number',
  warmupRatio: 'number',
  weightDecay: 'number',
  adamBeta1: 'number',
  adamBeta2: 'number',
  adamEpsilon: 'number',
  maxGradNorm: 'number',
  labelSmoothingFactor: 'number',
  optim: 'string',
  optimArgs: 'string',
  numTrainEpochs: 'number',
  maxSteps: 'number',
  perDeviceTrainBatchSize: 'number',
  perDeviceEvalBatchSize: 'number',
  gradientAccumulationSteps: 'number',
  maxLength: ['number', 'null'],
  seed: 'seed',
  shuffle: 'boolean',
  evalStrategy: 'string',
  evalSteps: 'number',
  saveStrategy: 'string',
  saveSteps: 'number',
  saveTotalLimit: 'number',
  loadBestModelAtEnd: 'boolean',
  metricForBestModel: 'string',
  greaterIsBetter: 'boolean',
  loggingSteps: 'number',
  tokensPerMicroBatch: 'number',
  gradientCheckpointing: ['boolean', 'object', 'array'],
  memoryBudget: ['number', 'string'],
  completionOnlyLoss: 'boolean',
  packing: 'boolean',
  packingStrategy: 'string',
  evalPacking: 'boolean',
}

/** Throws config.unknown with the nearest name for an argument that does not exist, config.unsupported for one of Python's with what to do instead, config.value for a value of another kind. */
export function checkArguments(args: object): void {
  checkOptions<SFTConfig>('a trainer’s args', args, KINDS, pythonArguments)
}
