/** GPT-NeoX and Pythia: a quarter of each head turns, one product makes queries, keys and values, and halves stand side by side. Source: arXiv:2204.06745 §2.1. */
import type { Architecture, ModelSizes, Module, ParameterScope } from '@espalier/core'
import { ConfigKeys } from './config/config-keys.js'
import { equalHeads } from './config/equal-heads.js'
import { DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { FusedAttention } from './decoder/fused-attention.js'
import { linearMlp, type Mlp } from './decoder/mlp.js'
import { ParallelBlock } from './decoder/parallel-block.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type Activation, activationOf } from './layers/activation.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'

/** GPT-NeoX with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const gptNeox: Architecture = architectureOf({
  modelType: 'gpt_neox',
  baseModelPrefix: 'gpt_neox',
  defaultTargets: ['query_key_value'],
  defaults: { classifier_dropout: 0.1 },
  // Files keep the head's first name, which modules have no longer.
  renameParameter: (name) => name.replace(/^embed_out\./, 'lm_head.'),
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'GPTNeoXForCausalLM', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'GPTNeoXForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'GPTNeoXForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'GPTNeoXForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface Settings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  /** Whether both halves of a layer read its input. */
  readonly isParallel: boolean
  readonly epsilon: number
  /** Of the attention's layers; those of the wide half always have one. */
  readonly bias: boolean
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly hidden: number; readonly attention: number }
  readonly rotary: Rotary
}

function readSettings(keys: ConfigKeys): Settings {
  const sizes = equalHeads(keys, {
    hidden: ['hidden_size', 6144],
    heads: ['num_attention_heads', 64],
    layers: ['num_hidden_layers', 44],
  })
  return {
    sizes: { ...sizes, maxPositions: keys.size('max_position_embeddings', 2048) },
    innerSize: keys.size('intermediate_size', 24_576),
    isParallel: keys.flag('use_parallel_residual', true),
    epsilon: keys.epsilon('layer_norm_eps', 1e-5),
    bias: keys.flag('attention_bias', true),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'hidden_act', 'gelu'),
    dropout: { hidden: keys.rate('hidden_dropout'), attention: keys.rate('attention_dropout') },
    rotary: rotaryOf(rotaryKeys(keys), sizes.headSize, { share: 0.25 }),
  }
}

// Outside of `rope_parameters` the base and the share have names of their own, and the usual ones are not read.
function rotaryKeys({ values }: ConfigKeys): ConfigKeys {
  return new ConfigKeys({ ...values, rope_theta: values.rotary_emb_base, partial_rotary_factor: values.rotary_pct })
}

const modelNames = { tokens: 'embed_in', layers: 'layers', norm: 'final_layer_norm' }

function buildModel(settings: Settings, scope: ParameterScope): DecoderModel {
  const { sizes, epsilon, deviation, dropout } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const parts = {
    tokens: scope.embedding(modelNames.tokens, rows, size, deviation),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
    ),
    norm: scope.layerNorm(modelNames.norm, size, epsilon),
  }
  return new DecoderModel('GPTNeoXModel', sizes, modelNames, parts, {
    dropout: { rate: dropout.hidden, site: scope.at('emb_dropout').path },
  })
}

const blockNames = {
  attentionNorm: 'input_layernorm',
  innerNorm: 'post_attention_layernorm',
  attention: 'attention',
  inner: 'mlp',
}

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): Module {
  const { sizes, epsilon, isParallel } = settings
  const parts = {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, sizes.hiddenSize, epsilon),
    innerNorm: scope.layerNorm(blockNames.innerNorm, sizes.hiddenSize, epsilon),
    attention: buildAttention(settings, scope, layer),
    inner: buildMlp(settings, scope),
  }
  return isParallel ? new ParallelBlock(blockNames, parts) : new DecoderBlock(blockNames, parts)
}

function buildAttention(settings: Settings, layerScope: ParameterScope, layer: number): FusedAttention {
  const { sizes, bias, deviation, dropout, rotary } = settings
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  const scope = layerScope.at(blockNames.attention)
  return new FusedAttention(
    scope.linear('query_key_value', size, 3 * size, { bias, deviation }),
    scope.linear('dense', size, size, { bias, deviation }),
    {
      layer,
      heads,
      groups: heads,
      scale: 1 / Math.sqrt(headSize),
      rotary,
      dropout: { rate: dropout.attention, site: scope.path },
      outputDropout: { rate: dropout.hidden, site: `${layerScope.path}.post_attention_dropout` },
    },
  )
}

const innerNames = { up: 'dense_h_to_4h', down: 'dense_4h_to_h' }

function buildMlp(settings: Settings, layerScope: ParameterScope): Mlp {
  const { sizes, innerSize, activation, deviation, dropout } = settings
  const own = { activation, dropout: dropout.hidden, site: `${layerScope.path}.post_mlp_dropout` }
  const options = { ...own, size: sizes.hiddenSize, innerSize, bias: true, deviation }
  return linearMlp(options, innerNames, layerScope.at(blockNames.inner))
}
