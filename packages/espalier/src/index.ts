/** @module Espalier with batteries included: what a PEFT, transformers and TRL user expects, in camelCase. */

export { type CheckpointingOptions, checkpointActivations } from '@espalier/checkpointing'
export { defineTuner, type ErrorCode, EspalierError, reference } from '@espalier/core'
export {
  type CollatedBatch,
  concatenateDatasets,
  type DataCollator,
  DataCollatorForCausalLM,
  DataCollatorForSeq2Seq,
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
  type DataRow,
  type Dataset,
  type Features,
  loadDataset,
  type MakeRows,
  type MapOptions,
  type PackingStrategy,
  type PromptCompletion,
  type RowsToPass,
  type ShuffleOptions,
  type TextRow,
  Tokenizer,
  type TrainTestSplit,
  type TrainTestSplitOptions,
} from '@espalier/data'
export { lora } from '@espalier/lora'
export { type BitsAndBytesConfig, bitsandbytes } from '@espalier/quantization'
export type {
  EndEvent,
  EvaluateEvent,
  Evaluation,
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
  type Answer,
  type AnswerCandidate,
  type AnswerOptions,
  chooseAnswer,
  type ScoredWindow,
} from './answers/choose-answers.js'
export { type ScoredAnswer, squadMetrics, squadV2Metrics } from './answers/squad-metrics.js'
export {
  type AutoClass,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  type FromPretrainedOptions,
} from './auto/auto-model.js'
export {
  type AutoPeftClass,
  AutoPeftModel,
  AutoPeftModelForCausalLM,
  AutoPeftModelForFeatureExtraction,
  AutoPeftModelForMaskedLM,
  AutoPeftModelForQuestionAnswering,
  AutoPeftModelForSeq2SeqLM,
  AutoPeftModelForSequenceClassification,
  AutoPeftModelForTokenClassification,
  type AutoPeftOptions,
} from './auto/auto-peft-model.js'
export { AutoTokenizer } from './auto/auto-tokenizer.js'
export { type AdapterConfig, PeftConfig, type PeftConfigOptions } from './auto/peft-config.js'
export type { AllowedChange } from './checkpoint/run-changes.js'
export type { QuestionInput } from './model/answered-questions.js'
export type { ModelDType } from './model/compute-dtype.js'
export { type BackendName, type BackendSettings, namedBackend } from './model/default-backend.js'
export type { Embedding, EmbeddingInput } from './model/embedded-texts.js'
export type { MaskCandidate, MaskedInput } from './model/filled-masks.js'
export type {
  GenerateBatchOptions,
  Generated,
  GeneratedPart,
  GenerateOptions,
  GenerationSettings,
} from './model/generation-options.js'
export { type KbitTrainingOptions, prepareModelForKbitTraining } from './model/kbit-training.js'
export type { WordLabels, WordsInput } from './model/labelled-words.js'
export type { LoadProgress, OnLoadProgress, WeightsProgress } from './model/load-progress.js'
export {
  type GetPeftModelOptions,
  getPeftModel,
  type LoadAdapterIntoOptions,
  type PeftFromPretrainedOptions,
  PeftModel,
  type SavePeftOptions,
} from './model/peft-model.js'
export type { Predicted, PredictInput } from './model/predict-inputs.js'
export type { Pooling, PredictOptions } from './model/predict-options.js'
export { PretrainedModel, type PretrainedOptions, type SavePretrainedOptions } from './model/pretrained-model.js'
export type { RunnableModel } from './model/runnable-model.js'
export {
  type HeldModel,
  type HeldState,
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
export type { ClassificationInput, Prediction } from './model/text-classification.js'
export { type QuestionAnsweringOptions, questionAnswering } from './training/answers-task.js'
export type { CallOptions, EvaluateOptions, TrainOptions } from './training/call-options.js'
export type {
  CallbackState,
  EvaluationProgress,
  TrainerCallback,
  TrainerControl,
  TrainerState,
  TrainingLog,
} from './training/callbacks.js'
export { type EarlyStoppingOptions, earlyStopping } from './training/early-stopping.js'
export type { Recomputation } from './training/fit-run.js'
export { accuracy, type ComputeMetrics, type EvalPrediction } from './training/label-metrics.js'
export { maskedLanguageModeling } from './training/masked-task.js'
export type { MemoryPlan } from './training/memory-plan.js'
export { f1, matthews, meanSquaredError, pearson, spearman } from './training/metrics.js'
export type { OptimizerName } from './training/optimizer-names.js'
export type { PlannedExamples } from './training/planned-steps.js'
export type { Preflight, TrainingPreflight } from './training/preflight.js'
export type { PreparedData } from './training/prepared-data.js'
export { SFTTrainer, type SFTTrainerOptions } from './training/sft-trainer.js'
export type { TrainRows } from './training/train-rows.js'
export {
  Trainer,
  type TrainerOptions,
} from './training/trainer.js'
export type { SFTConfig, Strategy, TrainingArguments } from './training/training-arguments.js'
export type { TaskContext, TrainingTask } from './training/training-task.js'
export type * from './types.js'
