/** @module Espalier with batteries included: what a PEFT, transformers and TRL user expects, in camelCase. */

export { defineTuner, EspalierError, reference } from '@espalier/core'
export { type DataRow, type Dataset, loadDataset, type PromptCompletion, type TextRow, Tokenizer } from '@espalier/data'
export { lora } from '@espalier/lora'
export type { TrainingEvent, TrainingResult, TrainingRun } from '@espalier/trainer'
export {
  type AutoClass,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  type FromPretrainedOptions,
} from './auto/auto-model.js'
export { AutoTokenizer } from './auto/auto-tokenizer.js'
export { type BackendName, type BackendSettings, namedBackend } from './model/default-backend.js'
export type { Generated, GeneratedPart, GenerateOptions } from './model/generation-options.js'
export { type GetPeftModelOptions, getPeftModel, type LoadAdapterIntoOptions, PeftModel } from './model/peft-model.js'
export { PretrainedModel } from './model/pretrained-model.js'
export { RuntimeModel } from './model/runtime-model.js'
export type { MemoryPlan, Preflight } from './training/preflight.js'
export type { SFTConfig, Strategy } from './training/sft-config.js'
export { type CallOptions, SFTTrainer, type SFTTrainerOptions, type TrainRows } from './training/sft-trainer.js'
