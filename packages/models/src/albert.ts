/** ALBERT: BERT whose layers share their weights, over narrower tables. Source: arXiv:1909.11942 §3.1. */
import {
  type Architecture,
  add,
  type Context,
  constant,
  hashString,
  Module,
  maybeDropout,
  type ParameterScope,
  randomBits,
  type Tensor,
  tanh,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import type { AttentionSettings } from './decoder/attention.js'
import { SplitAttention, type SplitProjections } from './decoder/split-attention.js'
import { buildEmbeddings } from './encoder/embeddings.js'
import { EncoderModel } from './encoder/encoder-model.js'
import { type EncoderSettings, encoderSettings } from './encoder/encoder-settings.js'
import { architectureOf } from './family.js'
import { bareModel } from './heads/head.js'
import { maskedLM } from './heads/masked-lm.js'
import { questionAnswering } from './heads/question-answering.js'
import { pooledClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'
import type { Activation } from './layers/activation.js'
import { runLayers } from './layers/layer-stack.js'

/** ALBERT with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS and MASKED_LM, and the bare model. PEFT has no targets for it. */
export const albert: Architecture = architectureOf<AlbertSettings, EncoderModel>({
  modelType: 'albert',
  baseModelPrefix: 'albert',
  defaultTargets: [],
  defaults: {
    pad_token_id: 0,
    hidden_act: 'gelu_new',
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    classifier_dropout: 0.1,
  },
  renames: { classifier_dropout_prob: 'classifier_dropout' },
  settings: albertSettings,
  base: (settings, scope, task) => buildModel(settings, scope, task === 'FEATURE_EXTRACTION' || task === 'SEQ_CLS'),
  heads: {
    FEATURE_EXTRACTION: bareModel,
    SEQ_CLS: pooledClassifier({ className: 'AlbertForSequenceClassification', field: 'classifier' }),
    TOKEN_CLS: tokenClassifier({ className: 'AlbertForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'AlbertForQuestionAnswering', field: 'qa_outputs' }),
    MASKED_LM: maskedLM({
      className: 'AlbertForMaskedLM',
      dense: 'predictions.dense',
      norm: 'predictions.LayerNorm',
      decoder: 'predictions.decoder',
      bias: 'predictions.bias',
    }),
  },
})

interface AlbertSettings extends EncoderSettings {
  readonly groupCount: number
  /** Layers of a group, run one after another each time. */
  readonly groupSize: number
}

function albertSettings(keys: ConfigKeys): AlbertSettings {
  const groupCount = keys.size('num_hidden_groups', 1)
  const read = encoderSettings(keys)
  if (groupCount > read.sizes.layerCount) {
    throw keys.conflict('there cannot be more groups than layers', {
      num_hidden_groups: groupCount,
      num_hidden_layers: read.sizes.layerCount,
    })
  }
  return {
    ...read,
    embeddingSize: keys.size('embedding_size', 128),
    groupCount,
    groupSize: keys.size('inner_group_num', 1),
  }
}

/** The pooler is a layer without a name of its own for its activation. */
class AlbertModel extends EncoderModel {
  override get layerPaths(): readonly string[] {
    return ['encoder.albert_layer_groups']
  }

  override pooled(hidden: Tensor, context: Context): Tensor {
    return tanh(super.pooled(hidden, context))
  }
}

/** Tables' rows (batch, tokens, embedding) -> (batch, tokens, hidden), through every group as often as there are layers for it. */
class AlbertTransformer extends Module {
  constructor(
    readonly embedding_hidden_mapping_in: Module,
    readonly albert_layer_groups: readonly AlbertLayerGroup[],
    readonly layerCount: number,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const { layerCount, albert_layer_groups: groups } = this
    const passes = Array.from({ length: layerCount }, (_, i) => {
      const group = groups[Math.floor(i / (layerCount / groups.length))] as AlbertLayerGroup
      return group.albert_layers.map((layer) => ({
        forward: (hidden: Tensor) => layer.forward(hidden, ofPass(context, i)),
      }))
    })
    return runLayers(this.embedding_hidden_mapping_in.forward(x, context), passes.flat(), context)
  }
}

// A layer that runs again drops other activations than before.
function ofPass(context: Context, index: number): Context {
  const { seed } = context
  if (seed === undefined) return context
  return { ...context, seed: randomBits(seed, hashString('encoder.albert_layer_groups'), constant(index, 'u32')) }
}

/** Layers that share no weights with each other. */
class AlbertLayerGroup extends Module {
  constructor(readonly albert_layers: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.albert_layers.reduce((hidden, layer) => layer.forward(hidden, context), x)
  }
}

/** Attention, then the wide half; each ends with the norm of its sum with what it began with. */
class AlbertLayer extends Module {
  constructor(
    readonly full_layer_layer_norm: Module,
    readonly attention: Module,
    readonly ffn: Module,
    readonly ffn_output: Module,
    readonly activation: Activation,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const attended = this.attention.forward(x, context)
    const wide = this.ffn_output.forward(this.activation(this.ffn.forward(attended, context)), context)
    return this.full_layer_layer_norm.forward(add(wide, attended), context)
  }
}

/** norm(x + attention(x)). */
class AlbertAttention extends SplitAttention {
  constructor(
    settings: AttentionSettings,
    parts: SplitProjections,
    readonly LayerNorm: Module,
    readonly outputDropout: { readonly rate: number; readonly site: string },
  ) {
    super(settings, { query: 'query', key: 'key', value: 'value', output: 'dense' }, parts)
  }

  override forward(x: Tensor, context: Context): Tensor {
    const { rate, site } = this.outputDropout
    const attended = maybeDropout(super.forward(x, context), context, rate, site)
    return this.LayerNorm.forward(add(x, attended), context)
  }
}

function buildModel(settings: AlbertSettings, scope: ParameterScope, pools: boolean): EncoderModel {
  const { sizes, embeddingSize, groupCount, groupSize, deviation } = settings
  const { hiddenSize: size, layerCount } = sizes
  const encoder = scope.at('encoder')
  const groups = Array.from({ length: groupCount }, (_, group) => {
    const own = encoder.at(`albert_layer_groups.${group}`)
    const layers = Array.from({ length: groupSize }, (_, i) =>
      buildLayer(settings, own.at(`albert_layers.${i}`), group * groupSize + i),
    )
    return new AlbertLayerGroup(layers)
  })
  const mapping = encoder.linear('embedding_hidden_mapping_in', embeddingSize, size, { bias: true, deviation })
  return new AlbertModel(
    'AlbertModel',
    buildEmbeddings(settings, scope.at('embeddings')),
    null,
    new AlbertTransformer(mapping, groups, layerCount),
    pools ? scope.linear('pooler', size, size, { bias: true, deviation }) : null,
    sizes,
  )
}

function buildLayer(settings: AlbertSettings, scope: ParameterScope, layer: number): Module {
  const { sizes, innerSize, epsilon, deviation, dropout, attentionDropout, activation } = settings
  const { hiddenSize: size, headCount: heads, headSize } = sizes
  const linear = (own: ParameterScope, name: string, from = size, to = size) =>
    own.linear(name, from, to, { bias: true, deviation })
  const attention = scope.at('attention')
  return new AlbertLayer(
    scope.layerNorm('full_layer_layer_norm', size, epsilon),
    new AlbertAttention(
      {
        layer,
        heads,
        groups: heads,
        scale: headSize ** -0.5,
        dropout: { rate: attentionDropout, site: `${attention.path}.attention_dropout` },
      },
      {
        query: linear(attention, 'query'),
        key: linear(attention, 'key'),
        value: linear(attention, 'value'),
        output: linear(attention, 'dense'),
      },
      attention.layerNorm('LayerNorm', size, epsilon),
      { rate: dropout, site: `${attention.path}.output_dropout` },
    ),
    linear(scope, 'ffn', size, innerSize),
    linear(scope, 'ffn_output', innerSize, size),
    activation,
  )
}
