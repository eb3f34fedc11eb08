/** What config.json says of an encoder of BERT's kind. */
import type { ModelSizes } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { equalHeads } from '../config/equal-heads.js'
import { type Activation, activationOf } from '../layers/activation.js'
import { type CountPositions, givenPositions } from './positions.js'

/** The settings, checked. */
export interface EncoderSettings {
  readonly sizes: ModelSizes
  /** Whether tokens see no later ones. */
  readonly isDecoder: boolean
  readonly innerSize: number
  /** Width of the tables. Where it is not the hidden size, a projection follows them. */
  readonly embeddingSize: number
  readonly positions: {
    /** Rows of the table. */
    readonly rows: number
    /** The row that does not learn. */
    readonly padding: number | null
    readonly count: CountPositions
  }
  /** Token types; 0: no table of them. */
  readonly typeCount: number
  readonly epsilon: number
  readonly dropout: number
  readonly attentionDropout: number
  readonly padding: number | null
  readonly deviation: number
  readonly activation: Activation
}

/** The settings of families that are encoders whatever `is_decoder` says, as in transformers; positions count from 0. Throws model.config and model.unsupported. */
export function encoderSettings(keys: ConfigKeys): EncoderSettings {
  if (keys.text('position_embedding_type', 'absolute') !== 'absolute')
    throw keys.unsupported('position_embedding_type', ['absolute'])
  const sizes = equalHeads(keys, {
    hidden: ['hidden_size'],
    heads: ['num_attention_heads'],
    layers: ['num_hidden_layers'],
  })
  const rows = keys.size('max_position_embeddings', 512)
  return {
    sizes: { ...sizes, maxPositions: rows },
    isDecoder: false,
    innerSize: keys.size('intermediate_size'),
    embeddingSize: sizes.hiddenSize,
    positions: { rows, padding: null, count: givenPositions },
    typeCount: keys.count('type_vocab_size', 2),
    epsilon: keys.epsilon('layer_norm_eps', 1e-12),
    dropout: keys.rate('hidden_dropout_prob', 0.1),
    attentionDropout: keys.rate('attention_probs_dropout_prob', 0.1),
    padding: keys.optionalInteger('pad_token_id'),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'hidden_act', 'gelu'),
  }
}

/** The same of families that are decoders where `is_decoder` says so. */
export function decodableSettings(keys: ConfigKeys): EncoderSettings {
  if (keys.flag('add_cross_attention', false)) throw keys.unsupported('add_cross_attention', [false])
  return { ...encoderSettings(keys), isDecoder: keys.flag('is_decoder', false) }
}
