/** BLOOM: distances instead of positions, one product for queries, keys and values, and a norm over the embeddings. Source: arXiv:2211.05100 §3.2. */
import {
  type Architecture,
  type Context,
  gelu,
  type ModelSizes,
  type Module,
  type ParameterScope,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { equalHeads } from './config/equal-heads.js'
import { DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel, type DecoderParts } from './decoder/decoder-model.js'
import { FusedAttention } from './decoder/fused-attention.js'
import { linearMlp, type Mlp } from './decoder/mlp.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { alibi } from './layers/alibi.js'
import { partOf } from './layers/parts.js'

/** BLOOM with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const bloom: Architecture = architectureOf({
  modelType: 'bloom',
  baseModelPrefix: 'transformer',
  defaultTargets: ['query_key_value'],
  defaults: { tie_word_embeddings: true, hidden_dropout: 0 },
  aliases: { num_hidden_layers: 'n_layer', num_attention_heads: 'n_head', n_embed: 'hidden_size' },
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'BloomForCausalLM', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'BloomForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'BloomForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'BloomForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface BloomParts extends DecoderParts {
  readonly tokenNorm: Module
}

const modelNames = { tokens: 'word_embeddings', tokenNorm: 'word_embeddings_layernorm', layers: 'h', norm: 'ln_f' }
const blockNames = {
  attentionNorm: 'input_layernorm',
  attention: 'self_attention',
  innerNorm: 'post_attention_layernorm',
  inner: 'mlp',
}
const innerNames = { up: 'dense_h_to_4h', down: 'dense_4h_to_h' }

/** Tokens are normed before the first layer. */
class BloomModel extends DecoderModel {
  constructor(sizes: ModelSizes, parts: BloomParts) {
    const own = { heads: sizes.headCount, dtype: parts.tokens.weight.dtype }
    super('BloomModel', sizes, modelNames, parts, { bias: (context) => alibi(own, context) })
  }

  override embed(ids: Tensor, context: Context): Tensor {
    return partOf(this, modelNames.tokenNorm).forward(super.embed(ids, context), context)
  }
}

interface Settings {
  readonly sizes: ModelSizes
  readonly epsilon: number
  readonly deviation: number
  readonly dropout: { readonly hidden: number; readonly attention: number }
}

function readSettings(keys: ConfigKeys): Settings {
  if (keys.flag('apply_residual_connection_post_layernorm', false))
    throw keys.unsupported('apply_residual_connection_post_layernorm', [false])
  const sizes = equalHeads(keys, { hidden: ['hidden_size', 64], heads: ['n_head', 8], layers: ['n_layer', 2] })
  return {
    sizes: { ...sizes, maxPositions: null },
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-5),
    deviation: keys.number('initializer_range', 0.02),
    dropout: { hidden: keys.rate('hidden_dropout'), attention: keys.rate('attention_dropout') },
  }
}

function buildModel(settings: Settings, scope: ParameterScope): BloomModel {
  const { sizes, epsilon, deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  return new BloomModel(sizes, {
    tokens: scope.embedding(modelNames.tokens, rows, size, deviation),
    tokenNorm: scope.layerNorm(modelNames.tokenNorm, size, epsilon),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
    ),
    norm: scope.layerNorm(modelNames.norm, size, epsilon),
  })
}

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): DecoderBlock {
  const { sizes, epsilon } = settings
  return new DecoderBlock(blockNames, {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, sizes.hiddenSize, epsilon),
    attention: buildAttention(settings, scope.at(blockNames.attention), layer),
    innerNorm: scope.layerNorm(blockNames.innerNorm, sizes.hiddenSize, epsilon),
    inner: buildMlp(settings, scope.at(blockNames.inner)),
  })
}

function buildAttention({ sizes, deviation, dropout }: Settings, scope: ParameterScope, layer: number): FusedAttention {
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  return new FusedAttention(
    scope.linear('query_key_value', size, 3 * size, { bias: true, deviation }),
    scope.linear('dense', size, size, { bias: true, deviation }),
    {
      layer,
      heads,
      groups: heads,
      scale: 1 / Math.sqrt(headSize),
      dropout: { rate: dropout.attention, site: `${scope.path}.attention_dropout` },
      outputDropout: { rate: dropout.hidden, site: `${scope.path}.dropout` },
    },
  )
}

function buildMlp({ sizes, deviation, dropout }: Settings, scope: ParameterScope): Mlp {
  const { hiddenSize: size } = sizes
  const own = { activation: (x: Tensor) => gelu(x, 'tanh'), dropout: dropout.hidden, site: `${scope.path}.dropout` }
  return linearMlp({ ...own, size, innerSize: 4 * size, bias: true, deviation }, innerNames, scope)
}
