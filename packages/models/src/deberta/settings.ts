/** What config.json says of a DeBERTa of either version. */
import type { ConfigKeys } from '../config/config-keys.js'
import { type EncoderSettings, encoderSettings } from '../encoder/encoder-settings.js'

/** Attention by distance. */
export interface DistanceSettings {
  /** Buckets on each side: the table of distances has twice as many rows. */
  readonly span: number
  /** From here on distances share buckets by logarithm; null: each has its own. */
  readonly buckets: { readonly count: number; readonly farthest: number } | null
}

/** The settings, checked. */
export interface DebertaSettings extends EncoderSettings {
  /** Whether tokens know their positions before the first layer. */
  readonly hasPositions: boolean
  /** Null: attention reads content alone. */
  readonly distances: DistanceSettings | null
  /** Whether a query's content meets the embedding of its distance to the key, and a key's content that of the distance to the query. */
  readonly kinds: { readonly contentToPosition: boolean; readonly positionToContent: boolean }
}

const KINDS = ['c2p', 'p2c']

/** Reads the settings. Throws model.config and model.unsupported. */
export function debertaSettings(keys: ConfigKeys): DebertaSettings {
  const read = encoderSettings(keys)
  const { hiddenSize, headSize, maxPositions } = read.sizes
  if (keys.size('attention_head_size', headSize) !== headSize) throw keys.unsupported('attention_head_size', [headSize])
  if (keys.size('pooler_hidden_size', hiddenSize) !== hiddenSize)
    throw keys.unsupported('pooler_hidden_size', [hiddenSize])
  const given = keys.values.pos_att_type
  const named = typeof given === 'string' ? given.toLowerCase().split('|') : keys.texts('pos_att_type')
  const kinds = named.map((kind) => kind.trim())
  if (!kinds.every((kind) => KINDS.includes(kind))) throw keys.unsupported('pos_att_type', KINDS)
  const hasPositions = keys.flag('position_biased_input', true)
  return {
    ...read,
    sizes: { ...read.sizes, maxPositions: hasPositions ? maxPositions : null },
    embeddingSize: keys.size('embedding_size', hiddenSize),
    typeCount: keys.count('type_vocab_size', 0),
    hasPositions,
    distances: keys.flag('relative_attention', false) ? { span: farthestDistance(keys), buckets: null } : null,
    kinds: { contentToPosition: kinds.includes('c2p'), positionToContent: kinds.includes('p2c') },
  }
}

/** How far distances are told apart; a limit below 1 stands for that of positions. Throws model.config. */
export function farthestDistance(keys: ConfigKeys): number {
  const limit = keys.optionalInteger('max_relative_positions') ?? -1
  return limit < 1 ? keys.size('max_position_embeddings', 512) : limit
}
