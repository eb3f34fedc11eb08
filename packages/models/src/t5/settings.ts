/** What config.json says of T5's families. */
import type { ModelConfig, ModelSizes } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { activationOf } from '../layers/activation.js'
import type { StackSettings } from './stack.js'

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

/** The settings, checked. */
export interface T5Settings extends StackSettings {
  /** What the family's classes in transformers begin with. */
  readonly className: string
  readonly sizes: ModelSizes
  readonly encoderLayers: number
  /** Whether the file is of an encoder alone: a T5EncoderModel, as sentence-transformers saves them. */
  readonly isEncoder: boolean
  readonly startToken: number
  readonly paddingToken: number
  /** The last of it stands for a text that is classified. */
  readonly endToken: number
  readonly scalesHead: boolean
  readonly untiedConfig: ModelConfig
}

/** Reads the settings. Throws model.config and model.unsupported. */
export function readSettings(keys: ConfigKeys, family: T5Like): T5Settings {
  const encoderLayers = keys.parts('num_layers', 6)
  const heads = keys.parts('num_heads', 8)
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
    className: family.className,
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize: keys.size('d_model', 512),
      layerCount: keys.parts('num_decoder_layers', encoderLayers),
      headCount: heads,
      groupCount: heads,
      headSize: keys.size('d_kv', 64),
      maxPositions: null,
    },
    encoderLayers,
    isEncoder:
      !keys.flag('is_encoder_decoder', true) || keys.texts('architectures').some((name) => /EncoderModel$/.test(name)),
    innerSize: keys.size('d_ff', 2048),
    // What transformers makes of `feed_forward_proj` stands in its files too, and wins.
    isGated: keys.flag('is_gated_act', feedForward.startsWith('gated-')),
    activation: keys.has('dense_act_fn')
      ? activationOf(keys, 'dense_act_fn', 'relu')
      : activationOf(keys, 'feed_forward_proj', 'relu', {
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
    endToken: keys.optionalInteger('eos_token_id') ?? 1,
    scalesHead,
    untiedConfig: family.untiedConfig(scalesHead),
  }
}
