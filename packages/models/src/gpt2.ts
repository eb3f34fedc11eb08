/** GPT-2: Conv1D weights, learned positions, and a head that shares the token table. Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3. */
import type { Architecture, ModelSizes, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { equalHeads } from './config/equal-heads.js'
import { gpt2Aliases } from './config/gpt2-aliases.js'
import { DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel, type DecoderParts } from './decoder/decoder-model.js'
import { JointAttention } from './decoder/joint-attention.js'
import { Mlp } from './decoder/mlp.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type Activation, activationOf } from './layers/activation.js'

/** GPT-2 with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const gpt2: Architecture = architectureOf({
  modelType: 'gpt2',
  baseModelPrefix: 'transformer',
  defaultTargets: ['c_attn'],
  defaults: { tie_word_embeddings: true },
  aliases: gpt2Aliases,
  settings: gpt2Settings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'GPT2LMHeadModel', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'GPT2ForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'GPT2ForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'GPT2ForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

const modelNames = { tokens: 'wte', positions: 'wpe', layers: 'h', norm: 'ln_f' }
const blockNames = { attentionNorm: 'ln_1', attention: 'attn', innerNorm: 'ln_2', inner: 'mlp' }
const projectionNames = { joint: 'c_attn', output: 'c_proj' }
const innerNames = { up: 'c_fc', down: 'c_proj' }

/** What config.json says, checked. */
export interface GPT2Settings {
  readonly sizes: ModelSizes & { readonly maxPositions: number }
  readonly innerSize: number
  readonly epsilon: number
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly embedding: number; readonly attention: number; readonly residual: number }
  /** Factor of a layer's attention scores. */
  scale(layer: number): number
}

/** Reads the settings of a GPT-2. Throws model.config and model.unsupported. */
export function gpt2Settings(keys: ConfigKeys): GPT2Settings {
  if (keys.flag('add_cross_attention', false)) throw keys.unsupported('add_cross_attention', [false])
  const sizes = equalHeads(keys, { hidden: ['n_embd', 768], heads: ['n_head', 12], layers: ['n_layer', 12] })
  const base = keys.flag('scale_attn_weights', true) ? 1 / Math.sqrt(sizes.headSize) : 1
  const byLayer = keys.flag('scale_attn_by_inverse_layer_idx', false)
  return {
    sizes: { ...sizes, maxPositions: keys.size('n_positions', 1024) },
    innerSize: keys.size('n_inner', 4 * sizes.hiddenSize),
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-5),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'activation_function', 'gelu_new'),
    dropout: {
      embedding: keys.rate('embd_pdrop', 0.1),
      attention: keys.rate('attn_pdrop', 0.1),
      residual: keys.rate('resid_pdrop', 0.1),
    },
    scale: (layer) => (byLayer ? base / (layer + 1) : base),
  }
}

function buildModel(settings: GPT2Settings, scope: ParameterScope): DecoderModel {
  const { sizes, epsilon, deviation, dropout } = settings
  const { hiddenSize: size } = sizes
  const parts: DecoderParts = {
    tokens: scope.embedding(modelNames.tokens, sizes.vocabularySize, size, deviation),
    positions: scope.embedding(modelNames.positions, sizes.maxPositions, size, deviation),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
    ),
    norm: scope.layerNorm(modelNames.norm, size, epsilon),
  }
  return new DecoderModel('GPT2Model', sizes, modelNames, parts, {
    hasTokenTypes: true,
    dropout: { rate: dropout.embedding, site: scope.at('drop').path },
  })
}

function buildBlock(settings: GPT2Settings, scope: ParameterScope, layer: number): DecoderBlock {
  const { sizes, epsilon } = settings
  return new DecoderBlock(blockNames, {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, sizes.hiddenSize, epsilon),
    attention: buildAttention(settings, scope.at(blockNames.attention), layer),
    innerNorm: scope.layerNorm(blockNames.innerNorm, sizes.hiddenSize, epsilon),
    inner: buildMlp(settings, scope.at(blockNames.inner)),
  })
}

/** Attention of a layer in its scope. */
export function buildAttention(
  { sizes, dropout, scale }: GPT2Settings,
  scope: ParameterScope,
  layer: number,
): JointAttention {
  const { hiddenSize: size, headCount: heads } = sizes
  const own = {
    layer,
    heads,
    groups: heads,
    scale: scale(layer),
    dropout: { rate: dropout.attention, site: `${scope.path}.attn_dropout` },
    outputDropout: { rate: dropout.residual, site: `${scope.path}.resid_dropout` },
  }
  return new JointAttention(own, projectionNames, {
    joint: scope.conv1d(projectionNames.joint, size, 3 * size),
    output: scope.conv1d(projectionNames.output, size, size),
  })
}

/** The wide half of a layer in its scope. */
export function buildMlp({ sizes, innerSize, activation, dropout }: GPT2Settings, scope: ParameterScope): Mlp {
  return new Mlp({ activation, dropout: dropout.residual, site: `${scope.path}.dropout` }, innerNames, {
    up: scope.conv1d(innerNames.up, sizes.hiddenSize, innerSize),
    down: scope.conv1d(innerNames.down, innerSize, sizes.hiddenSize),
  })
}
