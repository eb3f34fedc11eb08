/** OPT: learned positions and plain wide halves; the model of 350 million has its norms last and narrower tokens. Source: arXiv:2205.01068 §2. */
import {
  type Architecture,
  add,
  type Context,
  cast,
  type Embedding,
  type ModelSizes,
  Module,
  maybeDropout,
  mul,
  type ParameterScope,
  sub,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { equalHeads } from './config/equal-heads.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf } from './family.js'
import { BareModel } from './heads/bare-model.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { type Activation, activationOf } from './layers/activation.js'
import { runLayers } from './layers/layer-stack.js'
import { tokenEmbedding } from './layers/padded-embedding.js'
import { runningCount } from './layers/running-count.js'

const RESERVED_POSITIONS = 2 // the table's first rows; the second is for padding. As fairseq, with its padding id of 1

/** OPT with heads for CAUSAL_LM, SEQ_CLS and QUESTION_ANS, and the bare model. */
export const opt: Architecture = architectureOf({
  modelType: 'opt',
  baseModelPrefix: 'model',
  defaultTargets: ['q_proj', 'v_proj'],
  defaults: { tie_word_embeddings: true, pad_token_id: 1 },
  settings: readSettings,
  base: (settings, scope) => new OPTModel(buildDecoder(settings, scope.at('decoder')), settings.sizes),
  heads: {
    CAUSAL_LM: causalLM({ className: 'OPTForCausalLM', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'OPTForSequenceClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'OPTForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

class OPTModel extends BareModel {
  readonly className = 'OPTModel'
  readonly causal = true

  constructor(
    readonly decoder: OPTDecoder,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  override get layerPaths(): readonly string[] {
    return ['decoder.layers']
  }

  override get outSize(): number {
    return this.decoder.embed_tokens.outSize
  }

  tokenTable(): Embedding {
    return this.decoder.embed_tokens
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.decoder.forward(ids, context)
  }
}

/** ids (batch, tokens) -> (batch, tokens, size of the token table). */
class OPTDecoder extends Module {
  constructor(
    readonly embed_tokens: Embedding,
    readonly embed_positions: Module,
    readonly project_out: Module | null,
    readonly project_in: Module | null,
    readonly final_layer_norm: Module | null,
    readonly layers: readonly Module[],
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const through = (x: Tensor, ...parts: readonly (Module | null)[]) =>
      parts.reduce((y, part) => part?.forward(y, context) ?? y, x)
    const words = through(ids, this.embed_tokens, this.project_in)
    const places = this.embed_positions.forward(add(positionsOf(context), RESERVED_POSITIONS), context)
    const end = { forward: (x: Tensor) => through(x, this.final_layer_norm, this.project_out) }
    return runLayers(add(words, places), this.layers, context, end)
  }
}

// Counted over tokens that are not padding; padding stands at -1.
function positionsOf({ hasGivenPositions, positions, mask: { keep } }: Context): Tensor {
  if (hasGivenPositions || keep === undefined) return positions
  return sub(mul(runningCount(keep), cast(keep, 'i32')), 1)
}

interface LayerSettings {
  readonly hasNormsFirst: boolean
  readonly activation: Activation
  readonly dropout: number
  readonly site: string
}

/** x (batch, tokens, hidden) -> same. */
class OPTDecoderLayer extends Module {
  constructor(
    readonly self_attn: Module,
    readonly self_attn_layer_norm: Module,
    readonly fc1: Module,
    readonly fc2: Module,
    readonly final_layer_norm: Module,
    readonly settings: LayerSettings,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const attend = (y: Tensor) => this.self_attn.forward(y, context)
    const widen = (y: Tensor) => this.fc2.forward(this.settings.activation(this.fc1.forward(y, context)), context)
    const middle = this.half(x, this.self_attn_layer_norm, attend, 'attention', context)
    return this.half(middle, this.final_layer_norm, widen, 'inner', context)
  }

  private half(x: Tensor, norm: Module, inner: (x: Tensor) => Tensor, place: string, context: Context): Tensor {
    const { hasNormsFirst, dropout, site } = this.settings
    const y = inner(hasNormsFirst ? norm.forward(x, context) : x)
    const sum = add(x, maybeDropout(y, context, dropout, `${site}.${place}`))
    return hasNormsFirst ? sum : norm.forward(sum, context)
  }
}

interface Settings extends Omit<LayerSettings, 'site'> {
  readonly sizes: ModelSizes & { readonly maxPositions: number }
  readonly innerSize: number
  /** Size of the token table. */
  readonly tokenSize: number
  readonly hasLastNorm: boolean
  readonly bias: boolean
  readonly attentionDropout: number
  readonly padding: number | null
  readonly deviation: number
}

function readSettings(keys: ConfigKeys): Settings {
  if (!keys.flag('layer_norm_elementwise_affine', true)) throw keys.unsupported('layer_norm_elementwise_affine', [true])
  if (keys.rate('layerdrop') !== 0) throw keys.unsupported('layerdrop', [0])
  const sizes = equalHeads(keys, {
    hidden: ['hidden_size', 768],
    heads: ['num_attention_heads', 12],
    layers: ['num_hidden_layers', 12],
  })
  const hasNormsFirst = keys.flag('do_layer_norm_before', true)
  return {
    sizes: { ...sizes, maxPositions: keys.size('max_position_embeddings', 2048) },
    innerSize: keys.size('ffn_dim', 3072),
    tokenSize: keys.size('word_embed_proj_dim', sizes.hiddenSize),
    hasNormsFirst,
    hasLastNorm: hasNormsFirst && !keys.flag('_remove_final_layer_norm', false),
    bias: keys.flag('enable_bias', true),
    activation: activationOf(keys, 'activation_function', 'relu'),
    dropout: keys.rate('dropout', 0.1),
    attentionDropout: keys.rate('attention_dropout'),
    padding: keys.optionalInteger('pad_token_id'),
    deviation: keys.number('init_std', 0.02),
  }
}

const EPSILON = 1e-5 // torch's default, which OPT's norms keep

function buildDecoder(settings: Settings, scope: ParameterScope): OPTDecoder {
  const { sizes, tokenSize, hasLastNorm, padding, deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const project = (name: string, from: number, to: number) =>
    tokenSize === size ? null : scope.linear(name, from, to, { bias: false, deviation })
  return new OPTDecoder(
    tokenEmbedding(scope, 'embed_tokens', { rows, size: tokenSize, deviation, padding }),
    scope.embedding('embed_positions', sizes.maxPositions + RESERVED_POSITIONS, size, deviation),
    project('project_out', size, tokenSize),
    project('project_in', tokenSize, size),
    hasLastNorm ? scope.layerNorm('final_layer_norm', size, EPSILON) : null,
    Array.from({ length: sizes.layerCount }, (_, layer) => buildLayer(settings, scope.at(`layers.${layer}`), layer)),
  )
}

function buildLayer(settings: Settings, scope: ParameterScope, layer: number): OPTDecoderLayer {
  const { sizes, innerSize, bias, deviation, hasNormsFirst, activation, dropout } = settings
  const { hiddenSize: size } = sizes
  return new OPTDecoderLayer(
    buildAttention(settings, scope.at('self_attn'), layer),
    scope.layerNorm('self_attn_layer_norm', size, EPSILON),
    scope.linear('fc1', size, innerSize, { bias, deviation }),
    scope.linear('fc2', innerSize, size, { bias, deviation }),
    scope.layerNorm('final_layer_norm', size, EPSILON),
    { hasNormsFirst, activation, dropout, site: scope.path },
  )
}

const projectionNames = { key: 'k_proj', value: 'v_proj', query: 'q_proj', output: 'out_proj' }

function buildAttention(settings: Settings, scope: ParameterScope, layer: number): SplitAttention {
  const { sizes, bias, deviation, attentionDropout: rate } = settings
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  const project = (name: string) => scope.linear(name, size, size, { bias, deviation })
  const own = { layer, heads, groups: heads, scale: 1 / Math.sqrt(headSize), dropout: { rate, site: scope.path } }
  return new SplitAttention(own, projectionNames, {
    key: project(projectionNames.key),
    value: project(projectionNames.value),
    query: project(projectionNames.query),
    output: project(projectionNames.output),
  })
}
