/** The Llama family: Llama 2 and 3, SmolLM2, TinyLlama and all else with this model_type. Source: arXiv:2302.13971 §2.2; arXiv:2307.09288. */
import type { Architecture, ModelSizes, Module, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import type { AttentionSettings } from './decoder/attention.js'
import { type BlockParts, DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { FusedGatedMlp } from './decoder/fused-gated-mlp.js'
import { GatedMlp } from './decoder/gated-mlp.js'
import { ParallelBlock, type ParallelParts } from './decoder/parallel-block.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf, type Family } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type Activation, activationOf } from './layers/activation.js'
import { tokenEmbedding } from './layers/padded-embedding.js'
import type { PartNames } from './layers/parts.js'
import { type Rotary, type RotaryOptions, rotaryOf } from './layers/rotary.js'
import type { NormMaker } from './layers/shifted-norm.js'

/** Names of a layer's modules. */
export const layerNames = {
  attention: 'self_attn',
  inner: 'mlp',
  attentionNorm: 'input_layernorm',
  innerNorm: 'post_attention_layernorm',
} as const

/** What Llama and those after it call the bare model under the head that finds answers. */
export const answersPrefix = { QUESTION_ANS: 'transformer' } as const

/** Llama with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const llama: Architecture = llamaLike({
  modelType: 'llama',
  className: 'Llama',
  settings: (keys) => llamaSettings(keys),
  taskPrefixes: answersPrefix,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'LlamaForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'LlamaForQuestionAnswering', field: 'qa_outputs' }),
  },
})

/** What config.json says, checked. */
export interface LlamaSettings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly epsilon: number
  /** Which linear layers have a bias. */
  readonly bias: { readonly projections: boolean; readonly output: boolean; readonly inner: boolean }
  readonly dropout: number
  /** Of what the halves of a layer give, where it is dropped. */
  readonly endDropout?: { readonly attention: number; readonly inner: number }
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
  /** Whether both halves of a layer read one norm and are added to its input together. Default false. */
  readonly isParallel?: boolean
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
export interface LlamaParts<Settings extends LlamaSettings = LlamaSettings> {
  /** A norm; Llama's is the root mean square, times the weight. */
  readonly norm: NormMaker
  /** Names of a layer's modules; a half whose end norm has a name ends in one. */
  readonly layerNames: PartNames<BlockParts>
  /** Norms of queries and keys by heads; where a family has them, they are as its other norms. */
  readonly headNorms: HeadNorms
  /** Attention of a layer; Llama's has a projection each for queries, keys and values. */
  attention(settings: Settings & LlamaParts<Settings>, scope: ParameterScope, layer: number): Module
  /** The wide half of a layer; Llama's is gated. */
  inner(settings: Settings, scope: ParameterScope, layer: number): Module
}

/** Norms of queries and keys by heads, (batch, heads, tokens, size). */
export interface HeadNorms {
  readonly names: { readonly queryNorm: string; readonly keyNorm: string }
  /** A norm of so many heads of `size` values. */
  norm(
    scope: ParameterScope,
    name: string,
    sizes: { readonly heads: number; readonly size: number },
    epsilon: number,
  ): Module
}

/** What a family has of its own that is built as Llama is. */
export interface LlamaLike<Settings extends LlamaSettings = LlamaSettings>
  extends Pick<
    Family<Settings, DecoderModel>,
    'modelType' | 'defaults' | 'renames' | 'aliases' | 'settings' | 'taskPrefixes'
  > {
  /** What its classes in transformers begin with. */
  readonly className: string
  /** Default: those of queries and values. */
  readonly defaultTargets?: readonly string[]
  /** Heads besides Llama's, or in their place. */
  readonly heads?: Family<Settings, DecoderModel>['heads']
  readonly parts?: Partial<LlamaParts<Settings>>
}

/** A family that differs from Llama in its settings, and in the parts that it names. */
export function llamaLike<Settings extends LlamaSettings = LlamaSettings>({
  className,
  heads,
  parts,
  ...own
}: LlamaLike<Settings>): Architecture {
  const { norm = rmsNorm } = parts ?? {}
  const headNorms: HeadNorms = {
    names: { queryNorm: 'q_norm', keyNorm: 'k_norm' },
    norm: (scope, name, { size }, epsilon) => norm(scope, name, size, epsilon),
  }
  const built: LlamaParts<Settings> = {
    norm,
    layerNames,
    headNorms,
    attention: splitAttention,
    inner: gatedMlp,
    ...parts,
  }
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

/** Reads the settings of a Llama. options: of its rotary positions. Throws model.config and model.unsupported. */
export function llamaSettings(keys: ConfigKeys, options: RotaryOptions = {}): LlamaSettings {
  const hiddenSize = keys.size('hidden_size')
  const headCount = keys.parts('num_attention_heads')
  const groupCount = keys.parts('num_key_value_heads', headCount)
  const headSize = keys.size('head_dim', Math.floor(hiddenSize / headCount))
  if (headCount % groupCount !== 0 || headSize % 2 !== 0) {
    throw keys.conflict('heads must divide into key/value heads of an even size', {
      num_attention_heads: headCount,
      num_key_value_heads: groupCount,
      head_dim: headSize,
    })
  }
  const rotary = rotaryOf(keys, headSize, options)
  const attentionBias = keys.flag('attention_bias', false)
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.parts('num_hidden_layers'),
      headCount,
      groupCount,
      headSize,
      maxPositions: rotary.maxPositions,
      ...(rotary.far === undefined ? {} : { stretch: { from: rotary.far.from, isReadAgain: false } }),
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

type Built<Settings extends LlamaSettings = LlamaSettings> = Settings & LlamaParts<Settings>

function rmsNorm(scope: ParameterScope, name: string, size: number, epsilon: number): Module {
  return scope.rmsNorm(name, size, epsilon)
}

function buildModel<Settings extends LlamaSettings>(
  className: string,
  settings: Built<Settings>,
  scope: ParameterScope,
): DecoderModel {
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

function buildBlock<Settings extends LlamaSettings>(
  settings: Built<Settings>,
  scope: ParameterScope,
  layer: number,
): Module {
  const { sizes, epsilon, norm, layerNames: names } = settings
  const { attention, inner, innerNorm, ...ownNorms } = names
  const halves = {
    attention: settings.attention(settings, scope.at(attention), layer),
    inner: settings.inner(settings, scope.at(inner), layer),
  }
  const normed = (all: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(all).map(([role, name]) => [role, norm(scope, name, sizes.hiddenSize, epsilon)]))
  if (settings.isParallel === true) {
    const shared = { attentionNorm: names.attentionNorm }
    return new ParallelBlock({ ...shared, attention, inner }, { ...halves, ...normed(shared) } as ParallelParts)
  }
  return new DecoderBlock(names, { ...halves, ...normed({ ...ownNorms, innerNorm }) } as unknown as BlockParts)
}

/** What a layer's attention is made with besides its projections. */
export function attentionSettings(settings: LlamaSettings, scope: ParameterScope, layer: number): AttentionSettings {
  const { dropout, softCap = null, endDropout } = settings
  const { window = null, rotary = settings.rotary } = settings.layers?.[layer] ?? {}
  const { headCount: heads, groupCount: groups, headSize } = settings.sizes
  return {
    layer,
    heads,
    groups,
    scale: settings.scoreScale ?? 1 / Math.sqrt(headSize),
    window,
    ...(softCap === null ? {} : { softCap }),
    ...(rotary === null ? {} : { rotary }),
    dropout: { rate: dropout, site: scope.path },
    ...(endDropout === undefined
      ? {}
      : { outputDropout: { rate: endDropout.attention, site: `${scope.path}.dropout` } }),
  }
}

const projectionNames = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'o_proj' }

function splitAttention(settings: Built, scope: ParameterScope, layer: number): SplitAttention {
  const { bias, deviation, epsilon, headNorms, normsHeads = false } = settings
  const { hiddenSize, headCount, groupCount, headSize: size } = settings.sizes
  const project = (name: string, count: number) =>
    scope.linear(name, hiddenSize, count * size, { bias: bias.projections, deviation })
  const norm = (name: string, heads: number) => headNorms.norm(scope, name, { heads, size }, epsilon)
  return new SplitAttention(
    attentionSettings(settings, scope, layer),
    normsHeads ? { ...projectionNames, ...headNorms.names } : projectionNames,
    {
      query: project(projectionNames.query, headCount),
      key: project(projectionNames.key, groupCount),
      value: project(projectionNames.value, groupCount),
      output: scope.linear(projectionNames.output, headCount * size, hiddenSize, { bias: bias.output, deviation }),
      ...(normsHeads
        ? {
            queryNorm: norm(headNorms.names.queryNorm, headCount),
            keyNorm: norm(headNorms.names.keyNorm, groupCount),
          }
        : {}),
    },
  )
}

/** Llama's wide half of a layer. */
export function gatedMlp(settings: LlamaSettings, scope: ParameterScope): GatedMlp {
  const { sizes, innerSize, bias, deviation, activation, endDropout } = settings
  const options = { bias: bias.inner, deviation }
  return new GatedMlp(
    scope.linear('gate_proj', sizes.hiddenSize, innerSize, options),
    scope.linear('up_proj', sizes.hiddenSize, innerSize, options),
    scope.linear('down_proj', innerSize, sizes.hiddenSize, options),
    activation,
    endDropout && { rate: endDropout.inner, site: `${scope.path}.dropout` },
  )
}

/** The wide half of a layer whose gate and what passes it are one product. */
export function fusedGatedMlp(settings: LlamaSettings, scope: ParameterScope): FusedGatedMlp {
  const { sizes, innerSize, bias, deviation, activation, endDropout } = settings
  const options = { bias: bias.inner, deviation }
  return new FusedGatedMlp(
    scope.linear('gate_up_proj', sizes.hiddenSize, 2 * innerSize, options),
    scope.linear('down_proj', innerSize, sizes.hiddenSize, options),
    activation,
    endDropout && { rate: endDropout.inner, site: `${scope.path}.dropout` },
  )
}
