/** The arguments of trainers at run time, where no compiler has looked: their names, and what kind of value each takes. */
import { EspalierError, nearest } from '@espalier/core'
import type { SFTConfig } from './training-arguments.js'

type Kind = 'string' | 'boolean' | 'number' | 'object'

const KINDS: { readonly [Name in keyof Required<SFTConfig>]: Kind } = {
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
  optim: 'string',
  numTrainEpochs: 'number',
  maxSteps: 'number',
  perDeviceTrainBatchSize: 'number',
  perDeviceEvalBatchSize: 'number',
  gradientAccumulationSteps: 'number',
  maxLength: 'number',
  seed: 'number',
  shuffle: 'boolean',
  evalStrategy: 'string',
  evalSteps: 'number',
  saveStrategy: 'string',
  saveSteps: 'number',
  saveTotalLimit: 'number',
  loadBestModelAtEnd: 'boolean',
  loggingSteps: 'number',
  tokensPerMicroBatch: 'number',
  completionOnlyLoss: 'boolean',
}

/** Throws config.unknown with the nearest name for an argument that does not exist, config.value for a value of another kind. */
export function checkArguments(args: object): void {
  for (const [name, value] of Object.entries(args)) {
    if (!Object.hasOwn(KINDS, name))
      throw new EspalierError('config.unknown', {
        what: 'trainers have no argument of this name',
        got: { key: name },
        fix: `Did you mean ${nearest(name, Object.keys(KINDS))}?`,
      })
    const kind = KINDS[name as keyof SFTConfig]
    const isWhole = value === null && name === 'maxLength'
    if (value === undefined || isWhole || (value !== null && typeof value === kind)) continue
    throw new EspalierError('config.value', { what: `${name} takes a value of type ${kind}`, got: { [name]: value } })
  }
}
