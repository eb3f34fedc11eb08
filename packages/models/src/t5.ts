/** T5 and T5 v1.1: an encoder and a decoder with biases by distance. Source: arXiv:1910.10683 §2.1; v1.1's gates: arXiv:2002.05202 §2. */
import {
  type Architecture,
  type Context,
  Embedding,
  Linear,
  type ModelConfig,
  type ModelSizes,
  type Module,
  mul,
  type ParameterScope,
  Seq2SeqLM,
  type Tensor,
} from '@espalier/core'
import { ConfigKeys } from './config/config-keys.js'
import { unsupportedTask } from './config/unsupported-task.js'
import { activationOf } from './layers/activation.js'
import { buildStack, type StackSettings } from './t5/stack.js'

/** T5 with the head for SEQ_2_SEQ_LM. CodeT5 is one. */
export const t5: Architecture = t5Like({
  modelType: 't5',
  className: 'T5',
  // Configurations of before transformers 5 say it by whether the head is tied; newer ones always say that it is.
  scalesHead: (keys) => keys.flag('scale_decoder_outputs', keys.flag('tie_word_embeddings', true)),
  // Of tying the file tells; without a word of the factor, it would be read from whether the head is tied.
  untiedConfig: (scalesHead) => ({ scale_decoder_outputs: scalesHead }),
})

/** What a family has of its own that is built as T5 is. */
export interface T5Like {
  readonly modelType: string
  /** What its classes in transformers begin with. */
  readonly className: string
  /** What config.json means where it lacks these keys, as far as that differs from T5. */
  readonly defaults?: ModelConfig
  /** Whether hidden states are scaled before the head. */
  scalesHead(keys: ConfigKeys): boolean
  /** What config.json says once the head has a weight of its own. */
  untiedConfig(scalesHead: boolean): ModelConfig
}

/** A family that differs from T5 in its settings alone. */
export function t5Like(family: T5Like): Architecture {
  const architecture: Architecture = {
    modelType: family.modelType,
    tasks: ['SEQ_2_SEQ_LM'],
    baseModelPrefix: 'transformer',
    defaultTargets: ['q', 'v'],
    floatLayers: ['wo'],
    // Files may name the shared table after any of its three places.
    renameParameter: (name) => name.replace(/^(?:encoder|decoder)\.embed_tokens\./, 'shared.'),
    build(config, scope, task) {
      if (task !== 'SEQ_2_SEQ_LM') throw unsupportedTask(architecture, task)
      return buildSeq2Seq(readSettings(new ConfigKeys({ ...family.defaults, ...config }), family), scope)
    },
  }
  return architecture
}

/** T5 with the projection to its vocabulary. Captures `encoder_last_hidden_state`. */
class T5ForConditionalGeneration extends Seq2SeqLM {
  constructor(
    /** The table that both sides' own share; no pass reads it here. */
    readonly shared: Module,
    readonly encoder: Module,
    readonly decoder: Module,
    readonly lm_head: Module,
    readonly settings: Settings,
  ) {
    super()
  }

  get className(): string {
    return this.settings.className
  }

  get sizes(): ModelSizes {
    return this.settings.sizes
  }

  get startToken(): number {
    return this.settings.startToken
  }

  get paddingToken(): number {
    return this.settings.paddingToken
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.block', 'decoder.block']
  }

  override get untiedConfig(): ModelConfig {
    return this.settings.untiedConfig
  }

  encode(ids: Tensor, context: Context): Tensor {
    return this.encoder.forward(ids, context)
  }

  decode(ids: Tensor, context: Context): Tensor {
    const hidden = this.decoder.forward(ids, context)
    const { scalesHead, sizes } = this.settings
    return scalesHead ? mul(hidden, sizes.hiddenSize ** -0.5) : hidden
  }

  head(): Module {
    return this.lm_head
  }
}

interface Settings extends StackSettings {
  readonly className: string
  readonly sizes: ModelSizes
  readonly encoderLayers: number
  readonly startToken: number
  readonly paddingToken: number
  readonly scalesHead: boolean
  readonly untiedConfig: ModelConfig
}

function readSettings(keys: ConfigKeys, family: T5Like): Settings {
  const encoderLayers = keys.size('num_layers', 6)
  const heads = keys.size('num_heads', 8)
  const paddingToken = keys.optionalInteger('pad_token_id') ?? 0
  const feedForward = keys.text('feed_forward_proj', 'relu')
  const buckets = keys.size('relative_attention_num_buckets', 32)
  const farthest = keys.size('relative_attention_max_distance', 128)
  const scalesHead = family.scalesHead(keys)
  if (buckets < 4 || farthest <= buckets / 2) {
    throw keys.conflict('biases need at least 4 buckets, and far distances to share some', {
      relative_attention_num_buckets: buckets,
      relative_attention_max_distance: farthest,
    })
  }
  return {
    className: `${family.className}ForConditionalGeneration`,
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize: keys.size('d_model', 512),
      layerCount: keys.size('num_decoder_layers', encoderLayers),
      headCount: heads,
      groupCount: heads,
      headSize: keys.size('d_kv', 64),
      maxPositions: null,
    },
    encoderLayers,
    innerSize: keys.size('d_ff', 2048),
    isGated: feedForward.startsWith('gated-'),
    activation: activationOf(keys, 'feed_forward_proj', 'relu', {
      'gated-gelu': 'gelu_new',
      'gated-silu': 'silu',
      'gated-relu': 'relu',
    }),
    epsilon: keys.epsilon('layer_norm_epsilon', 1e-6),
    dropout: keys.rate('dropout_rate', 0.1),
    buckets,
    farthest,
    deviation: keys.number('initializer_factor', 1),
    startToken: keys.optionalInteger('decoder_start_token_id') ?? paddingToken,
    paddingToken,
    scalesHead,
    untiedConfig: family.untiedConfig(scalesHead),
  }
}

function buildSeq2Seq(settings: Settings, scope: ParameterScope): T5ForConditionalGeneration {
  const { sizes, encoderLayers, deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const shared = scope.embedding('shared', rows, size, deviation)
  const stack = (name: string, layers: number, isDecoder: boolean) =>
    buildStack(settings, scope.at(name), { table: new Embedding(shared.weight), layers, isDecoder })
  // Configurations do not tell, so the file does, as for transformers: one that ties its head has none.
  const head = scope.has('lm_head.weight', [rows, size])
    ? scope.linear('lm_head', size, rows, { bias: false, deviation })
    : new Linear(shared.weight, null)
  const [encoder, decoder] = [stack('encoder', encoderLayers, false), stack('decoder', sizes.layerCount, true)]
  return new T5ForConditionalGeneration(shared, encoder, decoder, head, settings)
}
