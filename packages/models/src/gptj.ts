/** GPT-J: a part of each head turns, in pairs side by side; both halves of a layer read one norm, and the head has a bias. Source: Wang and Komatsuzaki 2021, GPT-J-6B. */
import type { Architecture, ModelSizes, ParameterScope } from '@espalier/core'
import { ConfigKeys } from './config/config-keys.js'
import { equalHeads } from './config/equal-heads.js'
import { gpt2Aliases } from './config/gpt2-aliases.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { linearMlp, type Mlp } from './decoder/mlp.js'
import { ParallelBlock } from './decoder/parallel-block.js'
import { SplitAttention } from './decoder/split-attention.js'
import { architectureOf } from './family.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { type Activation, activationOf } from './layers/activation.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'

/** GPT-J with heads for CAUSAL_LM, SEQ_CLS and QUESTION_ANS, and the bare model. */
export const gptj: Architecture = architectureOf({
  modelType: 'gptj',
  baseModelPrefix: 'transformer',
  defaultTargets: ['q_proj', 'v_proj'],
  aliases: gpt2Aliases,
  settings: readSettings,
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'GPTJForCausalLM', field: 'lm_head' }, { bias: true }),
    SEQ_CLS: lastTokenClassifier({ className: 'GPTJForSequenceClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'GPTJForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface Settings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly epsilon: number
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly embedding: number; readonly attention: number; readonly residual: number }
  readonly rotary: Rotary
}

function readSettings(keys: ConfigKeys): Settings {
  const sizes = equalHeads(keys, { hidden: ['n_embd', 4096], heads: ['n_head', 16], layers: ['n_layer', 28] })
  if (keys.values.rotary_dim === null) throw keys.unsupported('rotary_dim', ['a whole number above 0'])
  const turned = keys.size('rotary_dim', 64)
  if (turned % 2 !== 0 || turned > sizes.headSize) {
    throw keys.conflict('an even number of the values of a head turns', {
      n_embd: sizes.hiddenSize,
      n_head: sizes.headCount,
      rotary_dim: turned,
    })
  }
  return {
    sizes: { ...sizes, maxPositions: keys.size('n_positions', 2048) },
    innerSize: keys.size('n_inner', 4 * sizes.hiddenSize),
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-5),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'activation_function', 'gelu_new'),
    dropout: {
      embedding: keys.rate('embd_pdrop'),
      attention: keys.rate('attn_pdrop'),
      residual: keys.rate('resid_pdrop'),
    },
    // No key of the file says another base or a scaling.
    rotary: rotaryOf(new ConfigKeys({}), turned, { interleaved: true }),
  }
}

const modelNames = { tokens: 'wte', layers: 'h', norm: 'ln_f' }

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
  return new DecoderModel('GPTJModel', sizes, modelNames, parts, {
    hasTokenTypes: true,
    dropout: { rate: dropout.embedding, site: scope.at('drop').path },
  })
}

const blockNames = { attentionNorm: 'ln_1', attention: 'attn', inner: 'mlp' }

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): ParallelBlock {
  return new ParallelBlock(blockNames, {
    attentionNorm: scope.layerNorm(blockNames.attentionNorm, settings.sizes.hiddenSize, settings.epsilon),
    attention: buildAttention(settings, scope.at(blockNames.attention), layer),
    inner: buildMlp(settings, scope.at(blockNames.inner)),
  })
}

const projectionNames = { key: 'k_proj', value: 'v_proj', query: 'q_proj', output: 'out_proj' }

function buildAttention(settings: Settings, scope: ParameterScope, layer: number): SplitAttention {
  const { sizes, deviation, dropout, rotary } = settings
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  const project = (name: string) => scope.linear(name, size, size, { bias: false, deviation })
  const own = {
    layer,
    heads,
    groups: heads,
    scale: 1 / Math.sqrt(headSize),
    rotary,
    dropout: { rate: dropout.attention, site: `${scope.path}.attn_dropout` },
    outputDropout: { rate: dropout.residual, site: `${scope.path}.resid_dropout` },
  }
  return new SplitAttention(own, projectionNames, {
    key: project(projectionNames.key),
    value: project(projectionNames.value),
    query: project(projectionNames.query),
    output: project(projectionNames.output),
  })
}

const innerNames = { up: 'fc_in', down: 'fc_out' }

function buildMlp({ sizes, innerSize, activation, deviation, dropout }: Settings, scope: ParameterScope): Mlp {
  const own = { activation, dropout: dropout.residual, site: `${scope.path}.dropout` }
  return linearMlp({ ...own, size: sizes.hiddenSize, innerSize, bias: true, deviation }, innerNames, scope)
}
