/** @module Espalier with batteries included: what a PEFT, transformers and TRL user expects, in camelCase. */

export { defineTuner, type ErrorCode, EspalierError, reference } from '@espalier/core'
export { type DataRow, type Dataset, loadDataset, type PromptCompletion, type TextRow, Tokenizer } from '@espalier/data'
export { lora } from '@espalier/lora'
export type {
  EndEvent,
  EvaluateEvent,
  GradientContext,
  OptimizerStepContext,
  PauseEvent,
  ResumeEvent,
  SaveEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
  TrainingResult,
  TrainingRun,
  TrainingTransform,
  WarningEvent,
} from '@espalier/trainer'
export {
  type AutoClass,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  type FromPretrainedOptions,
} from './auto/auto-model.js'
export {
  type AutoPeftClass,
  AutoPeftModel,
  AutoPeftModelForCausalLM,
  AutoPeftModelForFeatureExtraction,
  AutoPeftModelForQuestionAnswering,
  AutoPeftModelForSequenceClassification,
  AutoPeftModelForTokenClassification,
  type AutoPeftOptions,
} from './auto/auto-peft-model.js'
export { AutoTokenizer } from './auto/auto-tokenizer.js'
export { PeftConfig, type PeftConfigOptions } from './auto/peft-config.js'
export { type BackendName, type BackendSettings, namedBackend } from './model/default-backend.js'
export type { Generated, GeneratedPart, GenerateOptions } from './model/generation-options.js'
export type { LoadProgress, OnLoadProgress, WeightsProgress } from './model/load-progress.js'
export {
  type GetPeftModelOptions,
  getPeftModel,
  type LoadAdapterIntoOptions,
  type PeftFromPretrainedOptions,
  PeftModel,
} from './model/peft-model.js'
export { PretrainedModel, type PretrainedOptions } from './model/pretrained-model.js'
export {
  type HeldModel,
  type HeldState,
  type RunnableModel,
  RuntimeModel,
  type RuntimeOptions,
  type WeightsOptions,
} from './model/runtime-model.js'
export {
  getPeftModelStateDict,
  type IncompatibleKeys,
  type StateDictOptions,
  setPeftModelStateDict,
} from './model/state-dict.js'
export { getLayerStatus, getModelStatus, type LayerStatus, type ModelStatus } from './model/status.js'
export type { TrainerCallback, TrainerControl, TrainerState } from './training/callbacks.js'
export type { MemoryPlan, Preflight } from './training/preflight.js'
export type { TrainRows } from './training/prepared-data.js'
export type { SFTConfig, Strategy } from './training/sft-config.js'
export { type CallOptions, SFTTrainer, type SFTTrainerOptions } from './training/sft-trainer.js'
