/**
 * @module The parts that families share, for an architecture of your own: what config.json says, decoder, encoder and heads.
 * `@espalier/models` has the finished families.
 */
export { ConfigKeys } from './config/config-keys.js'
export { equalHeads, type SizeKeys } from './config/equal-heads.js'
export { layerWindows } from './config/layer-windows.js'
export { type MixtureSizes, mixtureSettings, type SparseSettings } from './config/mixture-settings.js'
export { Attention, type AttentionSettings, type Projected } from './decoder/attention.js'
export { CrossAttention } from './decoder/cross-attention.js'
export { type BlockParts, DecoderBlock } from './decoder/decoder-block.js'
export { DecoderModel, type DecoderParts, type DecoderSettings } from './decoder/decoder-model.js'
export { FusedGatedMlp } from './decoder/fused-gated-mlp.js'
export { GatedMlp } from './decoder/gated-mlp.js'
export { JointAttention, type JointProjections } from './decoder/joint-attention.js'
export { type LinearMlpSettings, linearMlp, Mlp, type MlpParts, type MlpSettings } from './decoder/mlp.js'
export { ParallelBlock, type ParallelParts } from './decoder/parallel-block.js'
export { type MixtureSettings, type RoutingSettings, SparseMoe, sparseMoe } from './decoder/sparse-moe.js'
export { type NormedProjections, SplitAttention, type SplitProjections } from './decoder/split-attention.js'
export type { EncoderEmbeddings } from './encoder/embeddings.js'
export { buildEncoder, type EmbeddedTokens, EncoderModel } from './encoder/encoder-model.js'
export { decodableSettings, type EncoderSettings, encoderSettings } from './encoder/encoder-settings.js'
export { type CountPositions, givenPositions, positionsAfterPadding } from './encoder/positions.js'
export { architectureOf, type Family } from './family.js'
export { BareModel } from './heads/bare-model.js'
export { type CausalLMOptions, causalLM } from './heads/causal-lm.js'
export type { HeadInput, HeadPass } from './heads/classifier.js'
export { EncoderDecoder } from './heads/encoder-decoder.js'
export { type FirstTokenOptions, firstTokenClassifier } from './heads/first-token-classifier.js'
export { bareModel, type Head, type HeadNames, type HeadRequest, headLinear } from './heads/head.js'
export { decodingLM, type MaskedNames, type MaskedOptions, maskedLM } from './heads/masked-lm.js'
export { type PoolingOptions, poolingClassifier } from './heads/pooling-classifier.js'
export { questionAnswering } from './heads/question-answering.js'
export { seq2seqLM } from './heads/seq2seq-lm.js'
export { lastTokenClassifier, pooledClassifier } from './heads/sequence-classification.js'
export { type TokenClassifierOptions, tokenClassifier } from './heads/token-classification.js'
export { type Activation, activationOf } from './layers/activation.js'
export { type AlibiSettings, alibi } from './layers/alibi.js'
export { type TokenTable, tokenEmbedding } from './layers/padded-embedding.js'
export { type PartNames, partOf, setParts } from './layers/parts.js'
export { type Rotary, type RotaryOptions, type RotaryTables, rotaryOf } from './layers/rotary.js'
export type { FarFrequencies, ScaledFrequencies } from './layers/rotary-scaling.js'
export { type NormMaker, shiftedRmsNorm } from './layers/shifted-norm.js'
export {
  attentionSettings,
  fusedGatedMlp,
  gatedMlp,
  type HeadNorms,
  type LayerSettings,
  type LlamaLike,
  type LlamaParts,
  type LlamaSettings,
  layerNames,
  llamaLike,
  llamaSettings,
} from './llama.js'
