/** The first GPT: GPT-2 with its norms after the sums and none at the end. Source: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", §4.1. */
import { type Architecture, add, type Context, Module, type ParameterScope, type Tensor } from '@espalier/core'
import { gpt2Aliases } from './config/gpt2-aliases.js'
import { DecoderModel } from './decoder/decoder-model.js'
import { architectureOf } from './family.js'
import { buildAttention, buildMlp, type GPT2Settings, gpt2Settings } from './gpt2.js'
import { causalLM } from './heads/causal-lm.js'
import { bareModel } from './heads/head.js'
import { lastTokenClassifier } from './heads/sequence-classification.js'
import { activationOf } from './layers/activation.js'

/** OpenAI's GPT with heads for CAUSAL_LM and SEQ_CLS, and the bare model. PEFT knows no default targets for it. */
export const openaiGpt: Architecture = architectureOf({
  modelType: 'openai-gpt',
  baseModelPrefix: 'transformer',
  defaultTargets: [],
  defaults: { tie_word_embeddings: true, n_positions: 512 },
  aliases: gpt2Aliases,
  settings(keys) {
    const shared = gpt2Settings(keys)
    return {
      ...shared,
      innerSize: 4 * shared.sizes.hiddenSize,
      activation: activationOf(keys, 'afn', 'gelu', { gelu: 'gelu_new' }),
      scale: () => 1 / Math.sqrt(shared.sizes.headSize),
    }
  },
  base: buildModel,
  heads: {
    CAUSAL_LM: causalLM({ className: 'OpenAIGPTLMHeadModel', field: 'lm_head' }),
    SEQ_CLS: lastTokenClassifier({ className: 'OpenAIGPTForSequenceClassification', field: 'score' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

const modelNames = { tokens: 'tokens_embed', positions: 'positions_embed', layers: 'h' }

function buildModel(settings: GPT2Settings, scope: ParameterScope): DecoderModel {
  const { sizes, deviation, dropout } = settings
  const { hiddenSize: size } = sizes
  const parts = {
    tokens: scope.embedding(modelNames.tokens, sizes.vocabularySize, size, deviation),
    positions: scope.embedding(modelNames.positions, sizes.maxPositions, size, deviation),
    layers: Array.from({ length: sizes.layerCount }, (_, layer) =>
      buildLayer(settings, scope.at(`${modelNames.layers}.${layer}`), layer),
    ),
  }
  return new DecoderModel('OpenAIGPTModel', sizes, modelNames, parts, {
    hasTokenTypes: true,
    dropout: { rate: dropout.embedding, site: scope.at('drop').path },
  })
}

/** norm(x + attention(x)), then the norm of that plus its wide half. */
class OpenAIGPTLayer extends Module {
  constructor(
    readonly attn: Module,
    readonly ln_1: Module,
    readonly mlp: Module,
    readonly ln_2: Module,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const half = (input: Tensor, part: Module, norm: Module) =>
      norm.forward(add(input, part.forward(input, context)), context)
    return half(half(x, this.attn, this.ln_1), this.mlp, this.ln_2)
  }
}

function buildLayer(settings: GPT2Settings, scope: ParameterScope, layer: number): OpenAIGPTLayer {
  const { sizes, epsilon } = settings
  return new OpenAIGPTLayer(
    buildAttention(settings, scope.at('attn'), layer),
    scope.layerNorm('ln_1', sizes.hiddenSize, epsilon),
    buildMlp(settings, scope.at('mlp')),
    scope.layerNorm('ln_2', sizes.hiddenSize, epsilon),
  )
}
