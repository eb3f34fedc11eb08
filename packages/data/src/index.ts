/** Tokenizers, chat templates, data sets, tokenization for training, and batches. What stands here is public. */
export { DataCollatorForQuestionAnswering } from './collate/answer-collator.js'
export { type BatchPlan, type BatchPlanOptions, planBatches } from './collate/batch-plan.js'
export {
  type CausalBatch,
  type CausalBatchShape,
  type CausalCollation,
  causalFeeds,
  collateCausal,
} from './collate/causal-batch.js'
export { DataCollatorForCausalLM } from './collate/causal-collator.js'
export type { CollatedBatch, DataCollator, Examples } from './collate/data-collator.js'
export {
  DataCollatorForSeq2Seq,
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
  type LabelCollatorOptions,
} from './collate/label-collators.js'
export {
  DataCollatorForLanguageModeling,
  type LanguageModelingOptions,
  type MaskingOptions,
} from './collate/masked-collator.js'
export { DataCollatorForNumbers, type NumberCollatorOptions } from './collate/number-collator.js'
export type { Features } from './collate/pad-features.js'
export { epochOrder, type SamplerOptions, stepRowsOf, stepsPerEpoch } from './collate/sampler.js'
export { type BatchShape, type MicroBatchRows, type RowSizes, splitStep } from './collate/split-step.js'
export { type StepBatches, type StepOptions, trainingSteps } from './collate/training-steps.js'
export { concatenateDatasets } from './dataset/concatenate-datasets.js'
export { blobFile, type DataFile } from './dataset/data-file.js'
export type { Dataset, ShuffleOptions, TrainTestSplit } from './dataset/dataset.js'
export type { DataRow } from './dataset/formats.js'
export {
  type DataSource,
  type FileSource,
  type LoadDatasetOptions,
  loadDataset,
  type PromptCompletion,
  type TextRow,
} from './dataset/load-dataset.js'
export type { MapOptions, MappedRow } from './dataset/map-columns.js'
export type { Place, PlacedRow, RowSource } from './dataset/row-source.js'
export type { MakeRows, RowsToPass } from './dataset/rows-in-memory.js'
export { type DataShape, type FieldOptions, recognizeShape, type ShapeKind } from './dataset/shape.js'
export type { TrainTestSplitOptions } from './dataset/train-test-split.js'
export type { Range } from './engine/aligned-text.js'
export type { Holding } from './engine/decoders.js'
export type { Engine, EngineConfig } from './engine/engine.js'
export type { PlacedId } from './engine/offsets.js'
export { type AskedRow, askedRow, type GivenAnswer } from './features/asked-row.js'
export {
  describeAnswers,
  describeLabels,
  describeMasked,
  describeSeq2Seq,
  describeWords,
  type RowTexts,
} from './features/describe-rows.js'
export { type FindLabelsOptions, type FoundLabels, findLabels } from './features/find-labels.js'
export { type PieceRow, pieceRows } from './features/piece-rows.js'
export {
  type AnswerExamples,
  type AnswerFeatures,
  answerWindows,
  prepareAnswers,
  type WindowSettings,
} from './features/prepare-answers.js'
export { type FeatureOptions, prepareFeatures } from './features/prepare-features.js'
export { type MaskedOptions, prepareMasked } from './features/prepare-masked.js'
export { prepareSeq2Seq, type Seq2SeqFeatures, type Seq2SeqOptions } from './features/prepare-seq2seq.js'
export {
  type PackedPart,
  type PackedRow,
  type PackingOptions,
  type PackingStrategy,
  packingStrategies,
  packSequences,
} from './packing/pack-sequences.js'
export { type PackedExample, packExamples } from './packing/packed-examples.js'
export { type PackedData, preparePacked } from './packing/prepare-packed.js'
export { prepareSft, type SftData, type SftOptions, type SupervisedExample } from './sft/prepare.js'
export {
  type ExampleSegment,
  renderSupervision,
  type SupervisionReport,
  supervisionWarnings,
} from './sft/supervision.js'
export type { RenderedChat } from './template/render-chat.js'
export { ChatTemplate, type ChatTemplateOptions, type Message, type MessagePart } from './tokenizer/chat-template.js'
export { checkExamplesFit } from './tokenizer/check-fit.js'
export type { Detokenizer, StreamDecoding } from './tokenizer/detokenizer.js'
export type { JsonObject } from './tokenizer/json-value.js'
export type { Encoding, PaddingStrategy } from './tokenizer/padding.js'
export type { PostProcessor, TemplateStep } from './tokenizer/post-process.js'
export type { AddedToken, NewToken, SpecialTokenName, TokenFlags } from './tokenizer/special-tokens.js'
export {
  type BatchEncoding,
  type DecodeOptions,
  type EncodeOptions,
  type TextInput,
  Tokenizer,
} from './tokenizer/tokenizer.js'
export { type ReadTokenizerFile, type TokenizerFiles, tokenizerFileNames } from './tokenizer/tokenizer-files.js'
export type { TruncationStrategy } from './tokenizer/truncation.js'
export type { PlacedEncoding, WindowOptions } from './tokenizer/windows.js'
export { parseJsonText } from './written-numbers.js'
