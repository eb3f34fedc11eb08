/** Phi: both halves of a layer read one norm, half of each head turns, and every product has a bias. Source: arXiv:2306.11644 §2; arXiv:2309.05463. */
import type { Architecture, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { linearMlp, type Mlp } from './decoder/mlp.js'
import { ParallelBlock } from './decoder/parallel-block.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { activationOf } from './layers/activation.js'
import { tokenEmbedding } from './layers/padded-embedding.js'
import { type LlamaSettings, llamaSettings } from './llama.js'

/** Phi with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. */
export const phi: Architecture = architectureOf({
  modelType: 'phi',
  baseModelPrefix: 'model',
  defaultTargets: ['q_proj', 'v_proj', 'fc1', 'fc2'],
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'PhiForCausalLM', field: 'lm_head' }, { bias: true }),
    SEQ_CLS: lastTokenClassifier({ className: 'PhiForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'PhiForTokenClassification', field: 'score' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface Settings extends Omit<LlamaSettings, 'bias'> {
  readonly embeddingDropout: number
  readonly residualDropout: number
  readonly normsHeads: boolean
}

function readSettings(keys: ConfigKeys): Settings {
  return {
    ...llamaSettings(keys, { share: 0.5 }),
    epsilon: keys.epsilon('layer_norm_eps', 1e-5),
    activation: activationOf(keys, 'hidden_act', 'gelu_new'),
    embeddingDropout: keys.rate('embd_pdrop'),
    residualDropout: keys.rate('resid_pdrop'),
    normsHeads: keys.flag('qk_layernorm', false),
  }
}

const modelNames = { tokens: 'embed_tokens', layers: 'layers', norm: 'final_layernorm' }

function buildModel(settings: Settings, scope: ParameterScope): DecoderModel {
  const { sizes, epsilon, deviation, padding, embeddingDropout: rate } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const parts = {
    tokens: tokenEmbedding(scope, modelNames.tokens, { rows, size, deviation, padding }),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
    ),
    norm: scope.layerNorm(modelNames.norm, size, epsilon),
  }
  return new DecoderModel('PhiModel', sizes, modelNames, parts, {
    dropout: { rate, site: scope.at('embed_dropout').path },
  })
}

const blockNames = { attentionNorm: 'input_layernorm', attention: 'self_attn', inner: 'mlp' }

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): ParallelBlock {
  return new ParallelBlock(blockNames, {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, settings.sizes.hiddenSize, settings.epsilon),
    attention: buildAttention(settings, scope.at(blockNames.attention), layer),
    inner: buildMlp(settings, scope.at(blockNames.inner)),
  })
}

const projectionNames = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'dense' }
const normNames = { queryNorm: 'q_layernorm', keyNorm: 'k_layernorm' }

function buildAttention(settings: Settings, scope: ParameterScope, layer: number): SplitAttention {
  const { sizes, epsilon, deviation, dropout, residualDropout, rotary, normsHeads } = settings
  const { hiddenSize, headCount: heads, groupCount: groups, headSize } = sizes
  const project = (name: string, count: number) =>
    scope.linear(name, hiddenSize, count * headSize, { bias: true, deviation })
  const norms = () => ({
    queryNorm: scope.layerNorm(normNames.queryNorm, headSize, epsilon),
    keyNorm: scope.layerNorm(normNames.keyNorm, headSize, epsilon),
  })
  const own = {
    layer,
    heads,
    groups,
    scale: 1 / Math.sqrt(headSize),
    rotary,
    dropout: { rate: dropout, site: scope.path },
    outputDropout: { rate: residualDropout, site: `${scope.path}.resid_dropout` },
  }
  return new SplitAttention(own, normsHeads ? { ...projectionNames, ...normNames } : projectionNames, {
    query: project(projectionNames.query, heads),
    key: project(projectionNames.key, groups),
    value: project(projectionNames.value, groups),
    output: scope.linear(projectionNames.output, heads * headSize, hiddenSize, { bias: true, deviation }),
    ...(normsHeads ? norms() : {}),
  })
}

const innerNames = { up: 'fc1', down: 'fc2' }

function buildMlp(settings: Settings, scope: ParameterScope): Mlp {
  const { sizes, innerSize, activation, deviation, residualDropout: dropout } = settings
  const own = { activation, dropout, site: `${scope.path}.resid_dropout` }
  return linearMlp({ ...own, size: sizes.hiddenSize, innerSize, bias: true, deviation }, innerNames, scope)
}
