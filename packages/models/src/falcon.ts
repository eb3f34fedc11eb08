/** Falcon: one key and value for a group of heads, or for all, and halves side by side. Source: arXiv:2311.16867 §3.2; the first ones: arXiv:2306.01116 §4. */
import {
  type Architecture,
  type DType,
  hostTensor,
  type ModelSizes,
  type Module,
  type ParameterScope,
  toFloat64,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { DecoderBlock } from './decoder/decoder-block.js'
import { DecoderModel, type DecoderSettings } from './decoder/decoder-model.js'
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
import { alibi } from './layers/alibi.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'

/** Falcon with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const falcon: Architecture = architectureOf({
  modelType: 'falcon',
  baseModelPrefix: 'transformer',
  defaultTargets: ['query_key_value'],
  defaults: { tie_word_embeddings: true, hidden_dropout: 0 },
  aliases: { n_embed: 'hidden_size' },
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'FalconForCausalLM', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'FalconForSequenceClassification', field: 'score' }),
    TOKEN_CLS: tokenClassifier({ className: 'FalconForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'FalconForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

/** How a layer's halves stand to each other: one norm for both or one each, side by side, or one after the other. */
type Order = 'one-norm' | 'two-norms' | 'serial'

interface Settings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly order: Order
  readonly epsilon: number
  readonly bias: boolean
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly hidden: number; readonly attention: number }
  /** Absent: distances instead of positions. */
  readonly rotary?: Rotary
}

function readSettings(keys: ConfigKeys): Settings {
  const hiddenSize = keys.size('hidden_size', 4544)
  const headCount = keys.parts('num_attention_heads', 71)
  const isNew = keys.flag('new_decoder_architecture', false)
  const isMultiQuery = !isNew && keys.flag('multi_query', true)
  const groupCount = isMultiQuery ? 1 : isNew ? keys.parts('num_kv_heads', headCount) : headCount
  const hasAlibi = keys.flag('alibi', false)
  const headSize = hiddenSize / headCount
  if (hiddenSize % headCount !== 0 || headCount % groupCount !== 0 || (!hasAlibi && headSize % 2 !== 0)) {
    throw keys.conflict('the hidden size must divide into heads of an even size, and those into key/value heads', {
      hidden_size: hiddenSize,
      num_attention_heads: headCount,
      num_kv_heads: groupCount,
    })
  }
  const rotary = hasAlibi ? undefined : rotaryOf(keys, headSize)
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.parts('num_hidden_layers', 32),
      headCount,
      groupCount,
      headSize,
      maxPositions: rotary?.maxPositions ?? null,
      ...(rotary?.far === undefined ? {} : { stretch: { from: rotary.far.from, isReadAgain: false } }),
    },
    innerSize: keys.size('ffn_hidden_size', 4 * hiddenSize),
    order: orderOf(keys, isNew),
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-5),
    bias: keys.flag('bias', false),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'activation', 'gelu'),
    dropout: { hidden: keys.rate('hidden_dropout'), attention: keys.rate('attention_dropout') },
    ...(rotary === undefined ? {} : { rotary }),
  }
}

// Two norms are for the new architecture alone, whose halves always are side by side.
function orderOf(keys: ConfigKeys, isNew: boolean): Order {
  const isParallel = keys.flag('parallel_attn', true)
  const norms = keys.size('num_ln_in_parallel_attn', isNew ? 2 : 1)
  if (isNew && !isParallel) throw keys.unsupported('parallel_attn', [true])
  if (isParallel && norms > (isNew ? 2 : 1)) throw keys.unsupported('num_ln_in_parallel_attn', isNew ? [1, 2] : [1])
  if (!isParallel) return 'serial'
  return norms === 2 ? 'two-norms' : 'one-norm'
}

const modelNames = { tokens: 'word_embeddings', layers: 'h', norm: 'ln_f' }

function buildModel(settings: Settings, scope: ParameterScope): DecoderModel {
  const { sizes, epsilon, deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const tokens = scope.embedding(modelNames.tokens, rows, size, deviation)
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) =>
    buildBlock(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
  )
  const parts = { tokens, layers, norm: scope.layerNorm(modelNames.norm, size, epsilon) }
  return new DecoderModel('FalconModel', sizes, modelNames, parts, distances(settings, tokens.weight.dtype))
}

// Rounded to bfloat16, whatever the model computes in, and scaled with the scores: as the first Falcons were trained.
function distances({ sizes, rotary }: Settings, dtype: DType): DecoderSettings {
  if (rotary !== undefined) return {}
  const rounded = (value: number) => toFloat64(hostTensor('bf16', [], [value]))[0] as number
  const valueAt = (slope: number, place: number) => rounded(rounded(slope) * rounded(place)) / Math.sqrt(sizes.headSize)
  return { bias: (context) => alibi({ heads: sizes.headCount, dtype, valueAt }, context) }
}

const halves = { attention: 'self_attention', inner: 'mlp' }
const blockNames = {
  serial: { attentionNorm: 'input_layernorm', innerNorm: 'post_attention_layernorm', ...halves },
  'two-norms': { attentionNorm: 'ln_attn', innerNorm: 'ln_mlp', ...halves },
  'one-norm': { attentionNorm: 'input_layernorm', ...halves },
}

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): Module {
  const { sizes, epsilon, order, dropout } = settings
  const norm = (name: string) => scope.layerNorm(name, sizes.hiddenSize, epsilon)
  const attention = buildAttention(settings, scope.at(halves.attention), layer)
  const inner = buildMlp(settings, scope.at(halves.inner))
  const shared = { attention, inner, attentionNorm: norm(blockNames[order].attentionNorm) }
  const ofBoth = { rate: dropout.hidden, site: `${scope.path}.dropout` }
  if (order === 'one-norm') return new ParallelBlock(blockNames[order], shared, ofBoth)
  const parts = { ...shared, innerNorm: norm(blockNames[order].innerNorm) }
  return order === 'serial'
    ? new DecoderBlock(blockNames[order], parts)
    : new ParallelBlock(blockNames[order], parts, ofBoth)
}

function buildAttention(settings: Settings, scope: ParameterScope, layer: number): FusedAttention {
  const { sizes, bias, deviation, dropout, rotary, order } = settings
  const { hiddenSize: size, headCount: heads, groupCount: groups, headSize } = sizes
  const fused = (heads + 2 * groups) * headSize
  // Of the probabilities only where there are distances, and of what a serial layer adds by the same rate, as transformers does.
  const probabilities = rotary === undefined ? dropout.attention : 0
  return new FusedAttention(
    scope.linear('query_key_value', size, fused, { bias, deviation }),
    scope.linear('dense', size, size, { bias, deviation }),
    {
      layer,
      heads,
      groups,
      scale: 1 / Math.sqrt(headSize),
      ...(rotary === undefined ? {} : { rotary }),
      dropout: { rate: probabilities, site: `${scope.path}.attention_dropout` },
      outputDropout: { rate: order === 'serial' ? dropout.attention : 0, site: `${scope.path}.dropout` },
    },
  )
}

const innerNames = { up: 'dense_h_to_4h', down: 'dense_4h_to_h' }

function buildMlp(settings: Settings, scope: ParameterScope): Mlp {
  const { sizes, innerSize, activation, bias, deviation, dropout, order } = settings
  const own = { activation, dropout: order === 'serial' ? dropout.hidden : 0, site: `${scope.path}.dropout` }
  return linearMlp({ ...own, size: sizes.hiddenSize, innerSize, bias, deviation }, innerNames, scope)
}
