/** GPT-Neo: GPT-2 with projections of their own for queries, keys and values, scores that are not scaled, and a window in every other layer. Source: Black et al. 2021, GPT-Neo, doi:10.5281/zenodo.5297715. */
import {
  type Architecture,
  type Context,
  type ModelSizes,
  Module,
  type ParameterScope,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { equalHeads, type SizeKeys } from './config/equal-heads.js'
import { DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { linearMlp, type Mlp } from './decoder/mlp.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type Activation, activationOf } from './layers/activation.js'

/** GPT-Neo with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const gptNeo: Architecture = architectureOf({
  modelType: 'gpt_neo',
  baseModelPrefix: 'transformer',
  defaultTargets: ['q_proj', 'v_proj'],
  defaults: { tie_word_embeddings: true },
  aliases: { num_attention_heads: 'num_heads', num_hidden_layers: 'num_layers' },
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'GPTNeoForCausalLM', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'GPTNeoForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'GPTNeoForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'GPTNeoForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface Settings {
  readonly sizes: ModelSizes & { readonly maxPositions: number }
  readonly innerSize: number
  /** Keys that a layer's queries see, their own included; null: all before them. */
  readonly windows: readonly (number | null)[]
  readonly epsilon: number
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly embedding: number; readonly attention: number; readonly residual: number }
}

function readSettings(keys: ConfigKeys): Settings {
  const names: SizeKeys = { hidden: ['hidden_size', 2048], heads: ['num_heads', 16], layers: ['num_layers', 24] }
  const sizes = equalHeads(keys, names)
  return {
    sizes: { ...sizes, maxPositions: keys.size('max_position_embeddings', 2048) },
    innerSize: keys.size('intermediate_size', 4 * sizes.hiddenSize),
    windows: windowsOf(keys, sizes.layerCount),
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-5),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'activation_function', 'gelu_new'),
    dropout: {
      embedding: keys.rate('embed_dropout'),
      attention: keys.rate('attention_dropout'),
      residual: keys.rate('resid_dropout'),
    },
  }
}

// The kinds of all layers as `attention_layers` lists them, else as `attention_types` repeats them: [[["global", "local"], 12]].
function windowsOf(keys: ConfigKeys, layerCount: number): (number | null)[] {
  const key = keys.has('attention_layers') ? 'attention_layers' : 'attention_types'
  const kinds = key === 'attention_layers' ? keys.texts(key) : repeated(keys.values[key] ?? [[['global', 'local'], 12]])
  if (kinds?.length !== layerCount)
    throw keys.conflict('every layer needs a kind of attention', { [key]: keys.values[key], num_layers: layerCount })
  const window = keys.size('window_size', 256)
  return kinds.map((kind) => {
    if (kind !== 'global' && kind !== 'local') throw keys.unsupported(key, ['global', 'local'])
    return kind === 'local' ? window : null
  })
}

// Undefined where it is no list of kinds and how often they follow one another.
function repeated(types: unknown): unknown[] | undefined {
  const isRun = (run: unknown) => Array.isArray(run) && Array.isArray(run[0]) && Number.isSafeInteger(run[1])
  if (!Array.isArray(types) || !types.every(isRun)) return undefined
  return types.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat())
}

const modelNames = { tokens: 'wte', positions: 'wpe', layers: 'h', norm: 'ln_f' }

function buildModel(settings: Settings, scope: ParameterScope): DecoderModel {
  const { sizes, epsilon, deviation, dropout } = settings
  const { hiddenSize: size } = sizes
  const parts = {
    tokens: scope.embedding(modelNames.tokens, sizes.vocabularySize, size, deviation),
    positions: scope.embedding(modelNames.positions, sizes.maxPositions, size, deviation),
    layers: settings.windows.map((_, layer) => buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer)),
    norm: scope.layerNorm(modelNames.norm, size, epsilon),
  }
  return new DecoderModel('GPTNeoModel', sizes, modelNames, parts, {
    hasTokenTypes: true,
    dropout: { rate: dropout.embedding, site: scope.at('drop').path },
  })
}

const blockNames = { attentionNorm: 'ln_1', attention: 'attn', innerNorm: 'ln_2', inner: 'mlp' }

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): DecoderBlock {
  const { sizes, epsilon } = settings
  return new DecoderBlock(blockNames, {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, sizes.hiddenSize, epsilon),
    attention: new GPTNeoAttention(buildAttention(settings, scope.at(`${blockNames.attention}.attention`), layer)),
    innerNorm: scope.layerNorm(blockNames.innerNorm, sizes.hiddenSize, epsilon),
    inner: buildMlp(settings, scope.at(blockNames.inner)),
  })
}

/** The module that files know between a layer and its projections. */
class GPTNeoAttention extends Module {
  constructor(readonly attention: Module) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    return this.attention.forward(x, context)
  }
}

const projectionNames = { key: 'k_proj', value: 'v_proj', query: 'q_proj', output: 'out_proj' }

function buildAttention(settings: Settings, scope: ParameterScope, layer: number): SplitAttention {
  const { sizes, windows, deviation, dropout } = settings
  const { hiddenSize: size, headCount: heads } = sizes
  const project = (name: string, bias = false) => scope.linear(name, size, size, { bias, deviation })
  const own = {
    layer,
    heads,
    groups: heads,
    scale: 1,
    window: windows[layer] ?? null,
    dropout: { rate: dropout.attention, site: `${scope.path}.attn_dropout` },
    outputDropout: { rate: dropout.residual, site: `${scope.path}.resid_dropout` },
  }
  return new SplitAttention(own, projectionNames, {
    key: project(projectionNames.key),
    value: project(projectionNames.value),
    query: project(projectionNames.query),
    output: project(projectionNames.output, true),
  })
}

const innerNames = { up: 'c_fc', down: 'c_proj' }

function buildMlp({ sizes, innerSize, activation, deviation, dropout }: Settings, scope: ParameterScope): Mlp {
  const own = { activation, dropout: dropout.residual, site: `${scope.path}.dropout` }
  return linearMlp({ ...own, size: sizes.hiddenSize, innerSize, bias: true, deviation }, innerNames, scope)
}
