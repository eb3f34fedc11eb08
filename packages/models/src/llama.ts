/** The Llama family: Llama 2 and 3, SmolLM2, TinyLlama and all else with this model_type. Source: arXiv:2302.13971 §2.2; arXiv:2307.09288. */
import type { Architecture, ModelSizes, Module, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { type BlockParts, DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { FusedGatedMlp } from './decoder/fused-gated-mlp.js'
import { GatedMlp } from './decoder/gated-mlp.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf, type Family } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { type Activation, activationOf } from './layers/activation.js'
import { tokenEmbedding } from './layers/padded-embedding.js'
import type { PartNames } from './layers/parts.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'
import type { NormMaker } from './layers/shifted-norm.js'

/** Names of a layer's modules. */
export const layerNames = {
  attention: 'self_attn',
  inner: 'mlp',
  attentionNorm: 'input_layernorm',
  innerNorm: 'post_attention_layernorm',
} as const

/** Llama with heads for CAUSAL_LM and SEQ_CLS, and the bare model. */
export const llama: Architecture = llamaLike({ modelType: 'llama', className: 'Llama', settings: llamaSettings })

/** What config.json says, checked. */
export interface LlamaSettings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly epsilon: number
  /** Which linear layers have a bias. */
  readonly bias: { readonly projections: boolean; readonly output: boolean; readonly inner: boolean }
  readonly dropout: number
  readonly padding: number | null
  /** Factor of the token table's rows. Default 1. */
  readonly tokenScale?: number
  readonly deviation: number
  readonly activation: Activation
  readonly rotary: Rotary
  /** Factor of the products of queries and keys. Default: 1 over the root of a head's size. */
  readonly scoreScale?: number
  /** Scores of attention become cap * tanh(score / cap). */
  readonly softCap?: number | null
  /** Whether queries and keys are normed, each head by itself. Default false. */
  readonly normsHeads?: boolean
  /** What layers differ in, by index. */
  readonly layers?: readonly LayerSettings[]
}

/** What one layer's attention has of its own. */
export interface LayerSettings {
  /** Keys that a query sees, its own included; null, the default: all before it. */
  readonly window?: number | null
  /** Null: nothing turns. Default: as the model's. */
  readonly rotary?: Rotary | null
}

/** Parts that families put in the place of Llama's. */
export interface LlamaParts {
  /** A norm; Llama's is the root mean square, times the weight. */
  readonly norm: NormMaker
  /** Names of a layer's modules; a half whose end norm has a name ends in one. */
  readonly layerNames: PartNames<BlockParts>
  /** The wide half of a layer; Llama's is gated. */
  inner(settings: LlamaSettings, scope: ParameterScope): Module
}

/** What a family has of its own that is built as Llama is. */
export interface LlamaLike extends Pick<Family<LlamaSettings, DecoderModel>, 'modelType' | 'defaults' | 'settings'> {
  /** What its classes in transformers begin with. */
  readonly className: string
  /** Default: those of queries and values. */
  readonly defaultTargets?: readonly string[]
  /** Heads besides Llama's, or in their place. */
  readonly heads?: Family<LlamaSettings, DecoderModel>['heads']
  readonly parts?: Partial<LlamaParts>
}

/** A family that differs from Llama in its settings, and in the parts that it names. */
export function llamaLike({ className, heads, parts, ...own }: LlamaLike): Architecture {
  const built: LlamaParts = { norm: rmsNorm, layerNames, inner: gatedMlp, ...parts }
  return architectureOf({
    defaultTargets: ['q_proj', 'v_proj'],
    ...own,
    baseModelPrefix: 'model',
    base: (read, scope) => buildModel(`${className}Model`, { ...read, ...built }, scope),
    heads: {
      CAUSAL_LM: causalLM({ className: `${className}ForCausalLM`, field: 'lm_head' }),
      SEQ_CLS: lastTokenClassifier({ className: `${className}ForSequenceClassification`, field: 'score' }),
      FEATURE_EXTRACTION: bareModel,
      ...heads,
    },
  })
}

/** Reads the settings of a Llama. Throws model.config and model.unsupported. */
export function llamaSettings(keys: ConfigKeys): LlamaSettings {
  const hiddenSize = keys.size('hidden_size')
  const headCount = keys.size('num_attention_heads')
  const groupCount = keys.size('num_key_value_heads', headCount)
  const headSize = keys.size('head_dim', Math.floor(hiddenSize / headCount))
  if (headCount % groupCount !== 0 || headSize % 2 !== 0) {
    throw keys.conflict('heads must divide into key/value heads of an even size', {
      num_attention_heads: headCount,
      num_key_value_heads: groupCount,
      head_dim: headSize,
    })
  }
  const rotary = rotaryOf(keys, headSize)
  const attentionBias = keys.flag('attention_bias', false)
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.size('num_hidden_layers'),
      headCount,
      groupCount,
      headSize,
      maxPositions: rotary.maxPositions,
    },
    innerSize: keys.size('intermediate_size'),
    epsilon: keys.epsilon('rms_norm_eps', 1e-6),
    bias: { projections: attentionBias, output: attentionBias, inner: keys.flag('mlp_bias', false) },
    dropout: keys.rate('attention_dropout'),
    padding: keys.optionalInteger('pad_token_id'),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'hidden_act', 'silu'),
    rotary,
  }
}

type Built = LlamaSettings & LlamaParts

function rmsNorm(scope: ParameterScope, name: string, size: number, epsilon: number): Module {
  return scope.rmsNorm(name, size, epsilon)
}

function buildModel(className: string, settings: Built, scope: ParameterScope): DecoderModel {
  const { sizes, deviation, padding, epsilon, norm, tokenScale: scale = 1 } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const names = { tokens: 'embed_tokens', layers: 'layers', norm: 'norm' }
  return new DecoderModel(className, sizes, names, {
    tokens: tokenEmbedding(scope, names.tokens, { rows, size, deviation, padding, scale }),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildBlock(settings, scope.at(`${names.layers}.${layer}`), layer),
    ),
    norm: norm(scope, names.norm, size, epsilon),
  })
}

function buildBlock(settings: Built, scope: ParameterScope, layer: number): DecoderBlock {
  const { sizes, epsilon, norm, inner, layerNames: names } = settings
  const { attention, inner: wide, ...norms } = names
  const normsByRole = Object.entries(norms).map(([role, name]) => [role, norm(scope, name, sizes.hiddenSize, epsilon)])
  return new DecoderBlock(names, {
    attention: buildAttention(settings, scope.at(attention), layer),
    inner: inner(settings, scope.at(wide)),
    ...(Object.fromEntries(normsByRole) as Omit<BlockParts, 'attention' | 'inner'>),
  })
}

const projectionNames = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'o_proj' }
const headNormNames = { queryNorm: 'q_norm', keyNorm: 'k_norm' }

function buildAttention(settings: Built, scope: ParameterScope, layer: number): SplitAttention {
  const { bias, dropout, deviation, normsHeads = false, softCap = null } = settings
  const { window = null, rotary = settings.rotary } = settings.layers?.[layer] ?? {}
  const { hiddenSize, headCount: heads, groupCount: groups, headSize } = settings.sizes
  const project = (name: string, count: number) =>
    scope.linear(name, hiddenSize, count * headSize, { bias: bias.projections, deviation })
  const norm = (name: string) => settings.norm(scope, name, headSize, settings.epsilon)
  return new SplitAttention(
    {
      layer,
      heads,
      groups,
      scale: settings.scoreScale ?? 1 / Math.sqrt(headSize),
      window,
      ...(softCap === null ? {} : { softCap }),
      ...(rotary === null ? {} : { rotary }),
      dropout: { rate: dropout, site: scope.path },
    },
    normsHeads ? { ...projectionNames, ...headNormNames } : projectionNames,
    {
      query: project(projectionNames.query, heads),
      key: project(projectionNames.key, groups),
      value: project(projectionNames.value, groups),
      output: scope.linear(projectionNames.output, heads * headSize, hiddenSize, { bias: bias.output, deviation }),
      ...(normsHeads ? { queryNorm: norm(headNormNames.queryNorm), keyNorm: norm(headNormNames.keyNorm) } : {}),
    },
  )
}

function gatedMlp({ sizes, innerSize, bias, deviation, activation }: LlamaSettings, scope: ParameterScope): GatedMlp {
  const options = { bias: bias.inner, deviation }
  return new GatedMlp(
    scope.linear('gate_proj', sizes.hiddenSize, innerSize, options),
    scope.linear('up_proj', sizes.hiddenSize, innerSize, options),
    scope.linear('down_proj', innerSize, sizes.hiddenSize, options),
    activation,
  )
}

/** The wide half of a layer whose gate and what passes it are one product. */
export function fusedGatedMlp(settings: LlamaSettings, scope: ParameterScope): FusedGatedMlp {
  const { sizes, innerSize, bias, deviation, activation } = settings
  const options = { bias: bias.inner, deviation }
  return new FusedGatedMlp(
    scope.linear('gate_up_proj', sizes.hiddenSize, 2 * innerSize, options),
    scope.linear('down_proj', innerSize, sizes.hiddenSize, options),
    activation,
  )
}
