/** @module Training: optimizers, schedules and the step loop. Prints and writes nothing. */
export type { EvaluationSource, MicroBatch, StepBatch, StepSource } from './batches.js'
export { type BestMetric, type BestMetricOptions, bestMetric, isBetter, metricOf } from './best-metric.js'
export type { Evaluation, EvaluationMetrics, PredictedBatch } from './evaluate.js'
export type {
  EndEvent,
  EvaluateEvent,
  PauseEvent,
  ResumeEvent,
  SaveEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
  WarningEvent,
} from './events.js'
export type { EvaluationMoment, RunMoment, TrainingMoment } from './moments.js'
export { decayOf, embeddingRule } from './open-session.js'
export { type AdafactorOptions, adafactor } from './optimizers/adafactor.js'
export { type AdagradOptions, adagrad } from './optimizers/adagrad.js'
export { adam } from './optimizers/adam.js'
export { type AdamWOptions, adamw } from './optimizers/adamw.js'
export { type LionOptions, lion } from './optimizers/lion.js'
export { type MuonOptions, muon } from './optimizers/muon.js'
export type { Optimizer, TrainedParameter, UpdateContext } from './optimizers/optimizer.js'
export { type PackedStatesOptions, packedStates, type StatePacking } from './optimizers/packed-states.js'
export { type RmspropOptions, rmsprop } from './optimizers/rmsprop.js'
export { type SgdOptions, sgd } from './optimizers/sgd.js'
export {
  type GroupingRules,
  type GroupMember,
  joinedValues,
  type ParameterGroup,
  parameterGroups,
  partsOfValues,
  type Trained,
} from './parameter-groups.js'
export {
  type ApplySettings,
  accumulateProgram,
  applyProgram,
  evaluateProgram,
  type Feeds,
  gradientSlot,
  initialOptimizerState,
  type Objective,
  optimizerSlot,
  penaltyProgram,
  statesOf,
} from './programs.js'
export { type RunControl, type TrainingResult, TrainingRun } from './run.js'
export { checkSchedule, createSchedule, type ScheduleOptions, type SchedulerType } from './schedule.js'
export { type ApplyFeeds, microBatchSeed, type SessionOptions, TrainingSession } from './session.js'
export { checkRange, checkWhole } from './settings.js'
export { Trainer } from './trainer.js'
export {
  type Cadence,
  DEFAULT_RATE,
  type GradientContext,
  type OptimizerStepContext,
  type RunOutcome,
  type SaveContext,
  type TrainerOptions,
  type TrainingSettings,
} from './trainer-options.js'
export {
  type DueAtStep,
  type RunPosition,
  stateKey,
  stateKinds,
  type TrainingState,
  tensorsOf,
} from './training-state.js'
export type { TrainingTransform } from './training-transform.js'
