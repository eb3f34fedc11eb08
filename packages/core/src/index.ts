/** @module Espalier's core: the graph, autodiff, module tree, tuner and backend interfaces, and the reference executor. */

export { AdaptedModel, type MergeSite, type SetAdapterOptions } from './adapted/adapted-model.js'
export { slotPrefix } from './adapted/adapted-tree.js'
export { baseKeys } from './adapted/base-keys.js'
export type { BaseModel, TrainableModel } from './adapted/base-model.js'
export type { AddAdapterOptions } from './adapted/create-adapter.js'
export { FullModel } from './adapted/full-training.js'
export { type MergedWeights, type MergeOptions, mergeAdapters, mergedWeights } from './adapted/merge.js'
export type { MergeLoss } from './adapted/merge-loss.js'
export { weightRequests, withValues } from './adapted/weights.js'
export { gradients, vjp } from './autodiff/gradients.js'
export type {
  Backend,
  CompileOptions,
  Executable,
  MemoryEstimates,
  ProgressOptions,
  RunArguments,
  StateBinding,
  StateOptions,
  StateSet,
  WeightRequest,
  WeightSet,
} from './backend/backend.js'
export { type Compilation, type CompiledProgram, CompiledPrograms } from './backend/compiled-programs.js'
export { LoadedWeights, type TakenWeights, type WeightParts } from './backend/loaded-weights.js'
export {
  type Program,
  type ProgramSlots,
  programKey,
  programRoots,
  programSlots,
  withRoots,
} from './backend/program.js'
export { type ReferenceOptions, reference } from './backend/reference.js'
export { type RowWrites, rowWrites } from './backend/row-writes.js'
export { type BoundState, bindState, checkFeeds, checkStateWrite, checkWeights } from './backend/run-arguments.js'
export { closedError, ownSet, releasedSetError, unknownStateError } from './backend/set-errors.js'
export { Turns } from './backend/turns.js'
export {
  byteSize,
  type ComputeDType,
  type DType,
  decodeBf16,
  decodeBf16Array,
  decodeF16,
  decodeF16Array,
  dtypes,
  encodeBf16,
  encodeF16,
  type HostArray,
  type HostTensor,
  hostArray,
  hostTensor,
  hostTensorFromBytes,
  isFloat,
  type Spec,
  toFloat32,
  toFloat64,
} from './dtype.js'
export { type ErrorCode, errorCodes } from './error-codes.js'
export type { ErrorEntry } from './error-entry.js'
export { assertNever, EspalierError, type EspalierErrorParts, type SerializedError } from './errors.js'
export { type FileSignature, fileSignature, SIGNATURE_BYTES } from './file-signature.js'
export { indexError } from './graph/index-error.js'
export type { BinaryFn, CompareFn, OpAttrs, OpName, ReduceFn, SlotKind, UnaryFn } from './graph/op-attrs.js'
export * from './graph/ops.js'
export { printGraph } from './graph/print.js'
export { type Rewrite, rebuild } from './graph/rebuild.js'
export { createNode, isOp, type Node, type Tensor, topologicalOrder } from './graph/tensor.js'
export { verifyGraph } from './graph/verify.js'
export {
  checkOptions,
  isSeed,
  type OptionKind,
  type OptionKinds,
  requireAwaited,
  requireParts,
} from './known-options.js'
export type { Architecture, ModelConfig } from './model/architecture.js'
export { type ModelInputs, type Pass, passOf } from './model/inputs.js'
export {
  causalLoss,
  type LossFunction,
  lossOf,
  maskedLogits,
  maskedLoss,
  questionAnsweringLoss,
  seq2seqLoss,
  sequenceClassificationLoss,
  shiftedRight,
  tokenClassificationLoss,
} from './model/losses.js'
export {
  CausalLM,
  LanguageModel,
  MaskedLM,
  Model,
  type ModelSizes,
  type PeftTaskType,
  Seq2SeqLM,
  type TaskType,
  withEncoded,
} from './model/model.js'
export { ROUTING, type Routed, routingLoss, routingTally } from './model/routing-loss.js'
export { unsupportedTask } from './model/unsupported-task.js'
export {
  type Adaptable,
  Conv1D,
  Embedding,
  isAdaptable,
  type LayerKind,
  Linear,
  linear,
  MatrixParameter,
  withWeight,
} from './module/adaptable.js'
export { type AttendOptions, attend, attendToEncoded, joinHeads, splitHeads } from './module/attend.js'
export { type CacheKind, cacheKind, cacheSlot } from './module/cache-slots.js'
export { CappedHead } from './module/capped-head.js'
export {
  type AttentionMask,
  type AttentionPrefix,
  type CacheContext,
  type Context,
  type EncodedContext,
  type ScoreBias,
  Trace,
} from './module/context.js'
export { ExpertLinear, expertsOf } from './module/expert-linear.js'
export { maybeDropout } from './module/maybe-dropout.js'
export {
  type Child,
  childModules,
  heldIn,
  isModule,
  joinPath,
  Module,
  ownParameters,
  withFields,
} from './module/module.js'
export { LayerNorm, RmsNorm } from './module/norm.js'
export { packedParameters, parameterCount } from './module/packed.js'
export { Parameter, type ParameterSlot, type StoredPart } from './module/parameter.js'
export type { Quantizer, StoredTensor, WeightFactory, WeightSite } from './module/quantizer.js'
export {
  type Initial,
  initialValues,
  type LayerRequest,
  memorySource,
  ParameterScope,
  type ScopeOptions,
  type SourceLookup,
} from './module/scope.js'
export {
  learnedParameters,
  mapModules,
  mapParameters,
  moduleAt,
  type NamedModule,
  namedModules,
  namedParameters,
  type ParameterUse,
  parameterUses,
  printModule,
} from './module/tree.js'
export { DenseWeight, GivenWeight, type Weight } from './module/weight.js'
export { didYouMean, nearest } from './nearest.js'
export { gelu, geluCall, relu, silu, siluCall } from './nn/activations.js'
export {
  type AttentionAttributes,
  type AttentionExtras,
  attention,
  attentionBackwardCall,
  attentionCall,
} from './nn/attention.js'
export type { ScoreAttributes } from './nn/attention-scores.js'
export {
  type CachedAttentionAttributes,
  type CachedAttentionExtras,
  cachedAttention,
  cachedAttentionCall,
} from './nn/cached-attention.js'
export {
  type CrossEntropyAttributes,
  crossEntropy,
  crossEntropyCall,
  crossEntropyOfLogits,
  type TargetOptions,
} from './nn/cross-entropy.js'
export { type DequantizeAttributes, dequantize, dequantizeCall } from './nn/dequantize.js'
export { dequantizeFourBit, dequantizeFourBitCall, type FourBitAttributes } from './nn/dequantize-four-bit.js'
export { detach, detachCall } from './nn/detach.js'
export { type DropoutAttributes, dropout, dropoutMaskCall, dropoutThreshold } from './nn/dropout.js'
export { type ExpertMatmulAttributes, expertMatmul, expertMatmulCall } from './nn/expert-matmul.js'
export { layerNorm, layerNormCall, rmsNorm, rmsNormCall } from './nn/norms.js'
export { rope, ropeCall } from './nn/rope.js'
export { scaledBlocks } from './nn/scaled-blocks.js'
export { softmax, softmaxCall } from './nn/softmax.js'
export type { ParameterSource } from './parameter-source.js'
export { drawSeed, hashString, mix32, Random, siteKey } from './random.js'
export { broadcastShapes, broadcastStrides, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from './shape.js'
export { type Hold, Shared, type SharedParts, type SharedValues, sharedIn } from './shared-work.js'
export { constantParts } from './transforms/constant-parts.js'
export { deduplicate } from './transforms/deduplicate.js'
export {
  type ElementwiseFusion,
  type ElementwiseFusions,
  type ElementwiseLimits,
  elementwiseFusions,
} from './transforms/elementwise-fusions.js'
export { inlineCalls } from './transforms/inline.js'
export { type Lifetime, lastUses, lifetimes, memoryOwners, type OrderedStep } from './transforms/liveness.js'
export { type ArenaPlan, type Block, planArena } from './transforms/memory-plan.js'
export { type ProgramMemory, peakMemory } from './transforms/peak-memory.js'
export {
  contractedSize,
  type FusedProduct,
  isFlatProduct,
  type ProductFusions,
  productFusions,
} from './transforms/product-fusions.js'
export { rematerialize } from './transforms/rematerialize.js'
export { simplify } from './transforms/simplify.js'
export { AdaptedLayer, AdapterPart, SiteState } from './tuner/adapted-layer.js'
export {
  Adapter,
  type AdapterParts,
  type LateValues,
  readSource,
  type SavedModule,
  type TrainedBias,
} from './tuner/adapter.js'
export { type ConfigField, field, fieldOf, layerFields, patternFields, targetFields } from './tuner/config-fields.js'
export { type ConfigFields, type ConfigOf, type DefinedConfig, defineConfig } from './tuner/define-config.js'
export {
  type ConfigInput,
  configure,
  configureFromFile,
  defineModuleTuner,
  definePromptTuner,
  defineTuner,
  type LayerTunerDefinition,
  type TunerFunction,
} from './tuner/define-tuner.js'
export type {
  AfterStepContext,
  BaseValues,
  ConfiguredTuner,
  CreateContext,
  FileTensor,
  ForwardContext,
  FromWeight,
  InitialValue,
  LayerTuner,
  MergeContext,
  Merged,
  ModuleTuner,
  OfOwn,
  ParameterSite,
  ParameterTargetConfig,
  PenaltyContext,
  PromptTuner,
  ResolveContext,
  RetargetContext,
  SharedState,
  Site,
  StepAccess,
  TargetConfig,
  Tuner,
  TunerBase,
  TunerState,
} from './tuner/families.js'
export {
  type AdapterMetadata,
  camelCase,
  fromFileConfig,
  PEFT_VERSION,
  snakeCase,
  toFileConfig,
} from './tuner/file-config.js'
export type { ExpectedTensors } from './tuner/initial-values.js'
export { matchesPath } from './tuner/matches-path.js'
export { fullMatch, type PathPattern, patternKeyMatch, toPythonPattern } from './tuner/python-regex.js'
export { valueAt, warnOfUnmatched, withFanInFanOut } from './tuner/resolve-config.js'
export {
  condenseTargets,
  findTargets,
  isTarget,
  resolveTargets,
  type TargetedLayer,
} from './tuner/targets.js'
export { turns } from './turns.js'
