/** Arguments of a run with the defaults that were not given. */
import { DEFAULT_RATE } from '@espalier/trainer'
import {
  DEFAULT_BATCH,
  DEFAULT_EPOCHS,
  DEFAULT_SEED,
  strategiesOf,
  type TrainingArguments,
} from './training-arguments.js'

/** What was given over the defaults, by name. */
export function argumentsInForce(
  args: TrainingArguments,
  data: { readonly hasEvaluation: boolean },
): Readonly<Record<string, unknown>> {
  const defaults: TrainingArguments = {
    learningRate: DEFAULT_RATE,
    lrSchedulerType: 'linear',
    lrSchedulerKwargs: {},
    warmupSteps: 0,
    warmupRatio: 0,
    numTrainEpochs: DEFAULT_EPOCHS,
    maxSteps: -1,
    perDeviceTrainBatchSize: DEFAULT_BATCH,
    perDeviceEvalBatchSize: DEFAULT_BATCH,
    gradientAccumulationSteps: 1,
    weightDecay: 0,
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamEpsilon: 1e-8,
    maxGradNorm: 1,
    labelSmoothingFactor: 0,
    optim: 'adamw_torch_fused',
    shuffle: true,
    gradientCheckpointing: false,
    loadBestModelAtEnd: false,
    ...strategiesOf(args, data),
    ...(strategiesOf(args, data).evalStrategy === 'steps' ? { evalSteps: args.loggingSteps ?? 1 } : {}),
    loggingSteps: 1,
    seed: DEFAULT_SEED,
  }
  return Object.fromEntries(Object.entries({ ...defaults, ...args }).filter(([, value]) => value !== undefined))
}
