const EPSILON = 1e-12 // no key says another

/** DistilBERT: half of BERT's layers, without token types and pooler. Source: arXiv:1910.01108 §3. */
import {
  type Architecture,
  add,
  type Context,
  type Embedding,
  type ModelSizes,
  Module,
  type ParameterScope,
  relu,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { linearMlp } from './decoder/mlp.js'
import { SplitAttention } from './decoder/split-attention.js'
import { buildEmbeddings, type EncoderEmbeddings } from './encoder/embeddings.js'
import { type EncoderSettings, encoderSettings } from './encoder/encoder-settings.js'
import { architectureOf } from './family.js'
import { BareModel } from './heads/bare-model.js'
import { bareModel } from './heads/head.js'
import { maskedLM } from './heads/masked-lm.js'
import { poolingClassifier } from './heads/pooling-classifier.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { runLayers } from './layers/layer-stack.js'

/** DistilBERT with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS and MASKED_LM, and the bare model. PEFT has no targets for it. */
export const distilbert: Architecture = architectureOf<EncoderSettings, DistilBertModel>({
  modelType: 'distilbert',
  baseModelPrefix: 'distilbert',
  defaultTargets: [],
  defaults: {
    pad_token_id: 0,
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 6,
    num_attention_heads: 12,
  },
  renames: {
    dim: 'hidden_size',
    hidden_dim: 'intermediate_size',
    n_layers: 'num_hidden_layers',
    n_heads: 'num_attention_heads',
    dropout: 'hidden_dropout_prob',
    attention_dropout: 'attention_probs_dropout_prob',
    activation: 'hidden_act',
  },
  aliases: {
    hidden_size: 'hidden_size',
    num_hidden_layers: 'num_hidden_layers',
    num_attention_heads: 'num_attention_heads',
  },
  settings: distilbertSettings,
  base: buildModel,
  heads: {
    FEATURE_EXTRACTION: bareModel,
    SEQ_CLS: poolingClassifier(
      { className: 'DistilBertForSequenceClassification', field: 'classifier' },
      {
        path: 'pre_classifier',
        activation: () => relu,
        rates: (keys) => [0, keys.rate('seq_classif_dropout', 0.2)],
      },
    ),
    TOKEN_CLS: tokenClassifier({ className: 'DistilBertForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering(
      { className: 'DistilBertForQuestionAnswering', field: 'qa_outputs' },
      { dropout: (keys) => keys.rate('qa_dropout', 0.1) },
    ),
    MASKED_LM: maskedLM(
      {
        className: 'DistilBertForMaskedLM',
        dense: 'vocab_transform',
        norm: 'vocab_layer_norm',
        decoder: 'vocab_projector',
      },
      { epsilon: EPSILON },
    ),
  },
})

function distilbertSettings(keys: ConfigKeys): EncoderSettings {
  return { ...encoderSettings(keys), typeCount: 0, epsilon: EPSILON }
}

/** ids (batch, tokens) -> hidden states (batch, tokens, hidden). */
class DistilBertModel extends BareModel {
  readonly className = 'DistilBertModel'
  readonly causal = false

  constructor(
    readonly embeddings: EncoderEmbeddings,
    readonly transformer: Module,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  override get layerPaths(): readonly string[] {
    return ['transformer.layer']
  }

  tokenTable(): Embedding {
    return this.embeddings.word_embeddings
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.transformer.forward(this.embeddings.forward(ids, context), context)
  }
}

class Transformer extends Module {
  constructor(readonly layer: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return runLayers(x, this.layer, context)
  }
}

/** norm(x + part(x)) for attention and the wide half: (batch, tokens, hidden) -> same. */
class TransformerBlock extends Module {
  constructor(
    readonly attention: Module,
    readonly sa_layer_norm: Module,
    readonly ffn: Module,
    readonly output_layer_norm: Module,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const attended = this.sa_layer_norm.forward(add(this.attention.forward(x, context), x), context)
    return this.output_layer_norm.forward(add(this.ffn.forward(attended, context), attended), context)
  }
}

function buildModel(settings: EncoderSettings, scope: ParameterScope): DistilBertModel {
  const { sizes } = settings
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) =>
    buildBlock(settings, scope.at(`transformer.layer.${layer}`), layer),
  )
  return new DistilBertModel(buildEmbeddings(settings, scope.at('embeddings')), new Transformer(layers), sizes)
}

function buildBlock(settings: EncoderSettings, scope: ParameterScope, layer: number): Module {
  const { sizes, innerSize, epsilon, deviation, dropout, attentionDropout, activation } = settings
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  const linear = (own: ParameterScope, name: string) => own.linear(name, size, size, { bias: true, deviation })
  const [attention, wide] = [scope.at('attention'), scope.at('ffn')]
  const site = (own: ParameterScope) => `${own.path}.dropout`
  return new TransformerBlock(
    new SplitAttention(
      {
        layer,
        heads,
        groups: heads,
        scale: headSize ** -0.5,
        dropout: { rate: attentionDropout, site: site(attention) },
      },
      { query: 'q_lin', key: 'k_lin', value: 'v_lin', output: 'out_lin' },
      {
        query: linear(attention, 'q_lin'),
        key: linear(attention, 'k_lin'),
        value: linear(attention, 'v_lin'),
        output: linear(attention, 'out_lin'),
      },
    ),
    scope.layerNorm('sa_layer_norm', size, epsilon),
    linearMlp(
      { activation, dropout, site: site(wide), size, innerSize, bias: true, deviation },
      { up: 'lin1', down: 'lin2' },
      wide,
    ),
    scope.layerNorm('output_layer_norm', size, epsilon),
  )
}
